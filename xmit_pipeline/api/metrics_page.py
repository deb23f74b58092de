"""`/metrics` for Prometheus: this process's requests, and the store's vital figures, some seconds old at most.

It takes a key of any scope: an address that a proxy makes public must not tell how much mail goes out.
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from xmit_pipeline.api.exposition import CONTENT_TYPE, Exposition
from xmit_pipeline.api.figures import BUCKETS, Figures
from xmit_pipeline.api.glance import Glance, Sight
from xmit_pipeline.model.clock import Clock, WallClock
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.vitals import Vitals, read_vitals

KEEP_SECONDS = 10.0
PATIENCE_SECONDS = 3.0

router = APIRouter(include_in_schema=False)


def vitals_of(store: EmbeddedStore, clock: Clock) -> Glance[tuple[Vitals, float]]:
    """The look at the store that all scrapes share, with the time it was taken at."""

    def read() -> tuple[Vitals, float]:
        with store.snapshot(PATIENCE_SECONDS) as connection:
            now = clock.now()
            return read_vitals(connection, now), now.timestamp()

    return Glance(read, keep_seconds=KEEP_SECONDS, wait_seconds=PATIENCE_SECONDS + 1)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Everything at once, as text."""
    state = request.app.state
    page = Exposition()
    write_requests(page, state.figures)
    write_store(page, await state.vitals.take())
    return Response(page.text(), media_type=CONTENT_TYPE)


def write_requests(page: Exposition, figures: Figures) -> None:
    """What this process has answered since it began."""
    page.family(
        "xmit_requests_total", "counter", "Requests answered; status 0: the client left first.",
        [({"method": method, "route": route, "status": str(status)}, count)
         for (method, route, status), count in sorted(figures.requests.items())],
    )  # fmt: skip
    page.histogram(
        "xmit_request_seconds", "From a request's head to its last byte.", BUCKETS,
        [({"method": method, "route": route}, histogram.cumulated(), histogram.seconds)
         for (method, route), histogram in sorted(figures.seconds.items())],
    )  # fmt: skip


def write_store(page: Exposition, sight: Sight[tuple[Vitals, float]]) -> None:
    """What the store knows; the last known figures, with their age, while it can't be read."""
    page.single("xmit_store_up", "1 where the store answered when these figures were asked for.",
                int(sight.trouble is None))  # fmt: skip
    if sight.seen is None:
        return
    vitals, taken_at = sight.seen
    page.single("xmit_figures_age_seconds", "Age of the figures below.", sight.age)
    page.by("xmit_contacts", "Contacts by status.", "status", vitals.contacts)
    page.by("xmit_enrollments", "Enrollments by status.", "status", vitals.enrollments)
    page.by("xmit_messages_today", "Messages of this UTC day by state.", "state", vitals.messages_today)
    page.single("xmit_messages_unknown", "Posts without an answer, open now.", vitals.open_unknown)
    _write_frontier(page, vitals, taken_at)
    if vitals.tick is not None:
        _write_tick(page, vitals.tick, WallClock().now().timestamp())


def _write_frontier(page: Exposition, vitals: Vitals, taken_at: float) -> None:
    frontier = vitals.frontier
    page.single("xmit_due", "Enrollments whose time has come.", frontier.due)
    page.single("xmit_overdue", "Those due for more than an hour.", frontier.overdue)
    page.by("xmit_deferred", "Due ones that must wait, by what they wait for.", "wall", frontier.deferred)
    oldest = taken_at - frontier.oldest_free.timestamp() if frontier.oldest_free else 0.0
    page.single(
        "xmit_oldest_free_seconds", "How long the oldest due one that may go has waited.", max(0.0, oldest)
    )


def _write_tick(page: Exposition, tick: dict[str, Any], wall_now: float) -> None:
    began, ended = tick["started_at"], tick["finished_at"]
    page.single("xmit_last_tick_timestamp_seconds", "When the last tick began, Unix time.", began.timestamp())
    page.single("xmit_last_tick_age_seconds", "How long ago that was.", wall_now - began.timestamp())
    page.single("xmit_last_tick_seconds", "How long it took; absent while it runs, or if it died.",
                (ended - began).total_seconds() if ended else None)  # fmt: skip
    outcomes = ("claimed", "sent", "skipped", "failed", "unknown", "deferred")
    page.by("xmit_last_tick_messages", "What it did.", "outcome", {name: tick[name] for name in outcomes})
