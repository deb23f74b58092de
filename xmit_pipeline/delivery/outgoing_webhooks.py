"""The tick's last work: queue what outgoing webhooks have to tell, and post what is due (SPEC 8).

At least once: what was posted but not settled, because we died between, is posted again under the same id.
Nothing of the store is held while posting.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import polars as pl
from filelock import FileLock, Timeout

from xmit_pipeline.delivery.outgoing_post import Heard, post_delivery
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.model.webhooks import DeliveryState, wait_seconds
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.webhook_deliveries import (
    ATTEMPTED,
    due_deliveries,
    settle_deliveries,
    waiting_count,
)
from xmit_pipeline.store.webhook_queue import any_wanted, forget_told, queue_untold

BUDGET_SECONDS = 20.0
"""No post begins later than this; one that has begun ends by itself within 15 seconds more."""
BUDGET_POSTS = 5_000
SETTLED_EVERY = 1.0
"""Seconds between settlements: so much of the posting a death may repeat."""
LANES = 8
"""Posts to one endpoint side by side."""
SIDE_BY_SIDE = 32
PATIENCE = 3
"""Failures in a row after which an endpoint rests until the next tick, and its mail waits untried."""

Delivery = Mapping[str, Any]


@dataclass(slots=True)
class OutgoingReport:
    """What one pass did, in deliveries. `put_off`: failed this time, and tried again later; `waiting`: all of those."""

    queued: int = 0
    delivered: int = 0
    put_off: int = 0
    failed: int = 0
    waiting: int = 0
    note: str | None = None


@dataclass(slots=True)
class _Line:
    """One endpoint's deliveries; its lanes take from the front until it fails too often."""

    waiting: deque[Delivery]
    failures: int = 0
    heard: list[tuple[Delivery, Heard]] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Delivery | None:
        with self.guard:
            return self.waiting.popleft() if self.waiting and self.failures < PATIENCE else None

    def hear(self, delivery: Delivery, heard: Heard) -> None:
        with self.guard:
            self.failures = 0 if heard.delivered else self.failures + 1
            self.heard.append((delivery, heard))

    def drain(self) -> list[tuple[Delivery, Heard]]:
        with self.guard:
            heard, self.heard = self.heard, []
        return heard


def deliver_webhooks(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    seconds: float = BUDGET_SECONDS,
    posts: int = BUDGET_POSTS,
) -> OutgoingReport:
    """Queue what became known, and post what is due until budget or work is spent; the next tick goes on.

    Without an enabled endpoint it costs one small query. A second one at the same time says so, and does nothing.
    """
    with store.snapshot() as connection:
        if not any_wanted(connection):
            return OutgoingReport()
    lock = FileLock(settings.home / "webhooks.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return OutgoingReport(note="Another tick is posting webhooks.")
    try:
        return _deliver(store, settings, clock, seconds, posts)
    finally:
        lock.release()


def _deliver(store: Store, settings: Settings, clock: Clock, seconds: float, posts: int) -> OutgoingReport:
    deadline = time.monotonic() + seconds
    report = OutgoingReport(queued=queue_untold(store, clock.now(), datetime.now(UTC)))
    with store.snapshot() as connection:
        due = due_deliveries(connection, clock.now(), posts)

    def post(delivery: Delivery) -> Heard | None:
        if time.monotonic() > deadline:
            return None
        return post_delivery(delivery, private_allowed=settings.webhooks_private)

    for heard in _posted(due, post):
        _settle(store, clock, heard, report)
    forget_told(store, clock.now(), datetime.now(UTC))
    with store.snapshot() as connection:
        report.waiting = waiting_count(connection)
    return report


def _posted(
    due: Sequence[Delivery], post: Callable[[Delivery], Heard | None]
) -> Generator[list[tuple[Delivery, Heard]]]:
    """What was heard, second by second, while every endpoint's lanes post side by side."""
    lines: dict[UUID, _Line] = {}
    for delivery in due:
        lines.setdefault(delivery["endpoint_id"], _Line(deque())).waiting.append(delivery)

    def run_lane(line: _Line) -> None:
        while (delivery := line.next()) is not None and (heard := post(delivery)) is not None:
            line.hear(delivery, heard)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        # the first lane of every endpoint, then the second of every one: nobody waits for a slow neighbour's eighth
        turns = [line for turn in range(LANES) for line in lines.values() if turn < len(line.waiting)]
        running = {pool.submit(run_lane, line) for line in turns}
        while running:
            ended, running = wait(running, timeout=SETTLED_EVERY)
            for lane in ended:
                lane.result()
            yield [pair for line in lines.values() for pair in line.drain()]


def _settle(
    store: Store, clock: Clock, heard: Sequence[tuple[Delivery, Heard]], report: OutgoingReport
) -> None:
    if not heard:
        return
    attempted = pl.DataFrame([_attempt(delivery, answer) for delivery, answer in heard], schema=ATTEMPTED)
    with store.transaction() as connection:
        states = settle_deliveries(connection, clock.now(), attempted)
    report.delivered += states[DeliveryState.DELIVERED]
    report.put_off += states[DeliveryState.WAITING]
    report.failed += states[DeliveryState.FAILED]


def _attempt(delivery: Delivery, heard: Heard) -> dict[str, object]:
    """One row of `ATTEMPTED`."""
    return {
        "delivery_id": str(delivery["id"]),
        "endpoint_id": str(delivery["endpoint_id"]),
        "delivered": heard.delivered,
        "status_code": heard.status_code,
        "words": heard.words,
        "wait_seconds": wait_seconds(delivery["tries_left"]),
    }
