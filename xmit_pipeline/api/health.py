"""Whether this is fit to work: `/healthz` of the process alone, `/readyz` of store and schedule (no key)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from xmit_pipeline.api.glance import Glance, Sight
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import Clock, WallClock, iso
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.ticks import last_tick
from xmit_pipeline.store.vitals import Frontier, read_frontier

STALE_AFTER = timedelta(minutes=3)
"""A schedule that runs every minute has missed two when mail that may go has waited so long."""
PATIENCE_SECONDS = 2.0
KEEP_SECONDS = 1.0

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What readiness rests on. The schedule lives where a tick is at work or began lately, or none is wanted."""

    now: datetime
    frontier: Frontier
    tick: dict[str, Any] | None
    schedule_alive: bool

    @property
    def overdue_seconds(self) -> int:
        """How long the longest waiting of those who may go has waited."""
        return int(_waited(self.frontier, self.now).total_seconds())


def pulse_of(store: EmbeddedStore, settings: Settings, clock: Clock) -> Glance[Pulse]:
    """The look at store and schedule that all callers of `/readyz` share."""

    def feel() -> Pulse:
        with store.snapshot(PATIENCE_SECONDS) as connection:
            now = clock.now()
            frontier, tick = read_frontier(connection, now), last_tick(connection)
        return felt(now, frontier, tick, settings)

    return Glance(feel, keep_seconds=KEEP_SECONDS, wait_seconds=PATIENCE_SECONDS + 1)


def felt(now: datetime, frontier: Frontier, tick: dict[str, Any] | None, settings: Settings) -> Pulse:
    """What the frontier and the last tick say of the schedule."""
    missed = _waited(frontier, now) >= STALE_AFTER and not _began_lately(tick)
    return Pulse(now, frontier, tick, not missed or tick_is_alive(settings))


@router.get("/healthz")
async def health() -> dict[str, str]:
    """That the API answers; it asks nothing of the store."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 where mail can be taken in and goes out; 503 with what is wrong and what to do."""
    glance: Glance[Pulse] = request.app.state.pulse
    body = report(await glance.take())
    return JSONResponse(body, 200 if body["status"] == "ready" else 503)


def report(sight: Sight[Pulse]) -> dict[str, Any]:
    """A pulse in words: `status`, a sentence for each check, and the times that they rest on."""
    pulse = sight.seen
    checks = {"store": _store_check(sight.trouble)}
    if pulse is not None and sight.trouble is None:
        checks["schedule"] = _schedule_check(pulse)
    return {
        "status": "ready" if all(check["ok"] for check in checks.values()) else "not ready",
        "checks": checks,
        "due": pulse.frontier.due if pulse else None,
        "overdueSeconds": pulse.overdue_seconds if pulse else None,
        "oldestDueAt": iso(oldest) if pulse and (oldest := pulse.frontier.oldest_free) else None,
        "lastTickAt": iso(pulse.tick["started_at"]) if pulse and pulse.tick else None,
    }


def _waited(frontier: Frontier, now: datetime) -> timedelta:
    return max(timedelta(), now - frontier.oldest_free) if frontier.oldest_free else timedelta()


def _began_lately(tick: dict[str, Any] | None) -> bool:
    """By the wall clock, which `started_at` is of."""
    return tick is not None and WallClock().now() - tick["started_at"] < STALE_AFTER


def _store_check(trouble: str | None) -> dict[str, Any]:
    if trouble is None:
        return {"ok": True, "message": "The store answers."}
    return {"ok": False, "message": trouble, "do": "Run `xmit doctor`: it says who holds the store."}


def _schedule_check(pulse: Pulse) -> dict[str, Any]:
    if pulse.schedule_alive:
        return {"ok": True, "message": "Ticks run, or nothing is due."}
    return {
        "ok": False,
        "message": f"Mail that may go has waited {pulse.overdue_seconds} s, and no tick began lately.",
        "do": "Start `xmit up`, or switch the schedule every_minute on in Dagster; `xmit tick` sends at once.",
    }
