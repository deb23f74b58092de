"""One tick's delivery: recover, then claim, render, look once more, post and settle, slice by slice (SPEC 6)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from xmit_pipeline.delivery.journal import Entry, Journal, Line
from xmit_pipeline.delivery.posting import ANSWERED, Brake, Posted, Poster, Posting, answered, rejected
from xmit_pipeline.delivery.window import RenderedWindow, render_window
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.lifecycle import RequestState
from xmit_pipeline.model.outcomes import Consequence, Verdict
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.claims import Claim, claim
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.frontier import plan
from xmit_pipeline.store.outbox import LastLook, hold_sender, hold_step, make_inflight, open_requests, settle

Work = TypeVar("Work")
PLAN = 400_000
"""People planned at a time: the order is worked out once for many claims."""
SLICE = 20_000
"""Messages a claim takes: large enough to spread its cost, small enough to keep its turn under a second."""


@dataclass(slots=True)
class TickReport:
    """What one tick did, in messages. `note` says why it stopped early, or was `refused`; `seconds` per phase."""

    claimed: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    released: int = 0
    recovered: int = 0
    note: str | None = None
    refused: bool = False
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One tick at work. The caller holds the tick lock: whatever is open at the start belongs to the dead."""

    store: Store
    settings: Settings
    clock: Clock
    poster: Poster
    journal: Journal
    tick_id: str
    report: TickReport = field(default_factory=TickReport)
    brake: Brake = field(default_factory=Brake)

    def run(self, progress: Callable[[TickReport], None] | None = None) -> TickReport:
        """Deliver what is due, until nothing is left, the brake is on, or the tick's budget is spent."""
        self._timed("recover", self.recover)
        deadline = time.monotonic() + self.settings.tick_budget_seconds
        while self.brake.reason is None and not self.report.note:
            planned = self._timed("plan", self._plan)
            if planned.is_empty():
                break
            for slice_ in planned.iter_slices(SLICE):
                self._take(slice_)
                if progress:
                    progress(self.report)
                if time.monotonic() > deadline:
                    self.report.note = "The tick's time is up; the next one goes on."
                if self.brake.reason or self.report.note:
                    break
        self.report.note = self.brake.reason or self.report.note
        return self.report

    def recover(self) -> None:
        """Settle what a dead tick left: journalled and not refused is unknown, all else surely not sent."""
        with self.store.snapshot() as connection:
            left = open_requests(connection)
        if left.is_empty():
            return
        entries = self.journal.last_words()
        boot = boot_id()
        fates = [
            _left_by_the_dead(row, entries.get(row["request_id"]), boot, self.clock.now())
            for row in left.iter_rows(named=True)
        ]
        answers = pl.DataFrame(fates, schema=ANSWERED)
        with self.store.transaction() as connection:
            settle(connection, now=self.clock.now(), answered=answers, rejected=rejected([]))
        self.report.recovered = left.height

    def _plan(self) -> pl.DataFrame:
        with self.store.snapshot() as connection:
            return plan(connection, self.clock.now(), PLAN)

    def _take(self, planned: pl.DataFrame) -> None:
        taken = self._timed("claim", lambda: self._claim(planned))
        self.report.claimed += taken.people.height
        self.report.skipped += taken.exited
        if taken.people.height:
            self._deliver(taken)

    def _claim(self, planned: pl.DataFrame) -> Claim:
        with self.store.transaction() as connection:
            return claim(
                connection,
                now=self.clock.now(),
                tick_id=self.tick_id,
                planned=planned,
                public_url=self.settings.public_url,
                secret=self.settings.secret,
            )

    def _deliver(self, taken: Claim) -> None:
        day = utc_day(self.clock.now())
        window = self._timed("render", lambda: render_window(taken, self.clock.now()))
        look = self._timed("last look", lambda: self._look_last(window))
        self.report.skipped += look.skipped
        self.report.released += look.released
        envelopes = window.envelopes(look.ready)
        posting = Posting(self.poster, self.journal, self.clock, self.brake, day)
        posted = self._timed("post", lambda: posting.post_all(envelopes))
        self._timed("settle", lambda: self._settle(posted))

    def _look_last(self, window: RenderedWindow) -> LastLook:
        with self.store.transaction() as connection:
            return make_inflight(
                connection,
                now=self.clock.now(),
                tick_id=self.tick_id,
                boot_id=boot_id(),
                unrendered=window.unrendered,
                alone=window.alone,
            )

    def _settle(self, posted: Sequence[Posted]) -> None:
        refused = rejected(posted)
        with self.store.transaction() as connection:
            settle(connection, now=self.clock.now(), answered=answered(posted), rejected=refused)
            for each in posted:
                if each.outcome.consequence is Consequence.HOLD_STEP:
                    reason = f"step_refused: {each.outcome.words}"
                    hold_step(connection, each.envelope.request_id, self.clock.now(), reason)
                if each.outcome.consequence is Consequence.HOLD_SENDER:
                    hold_sender(connection, each.envelope.request_id, self.clock.now(), each.outcome.words)
        self._count(posted, refused.height)

    def _count(self, posted: Sequence[Posted], failed: int) -> None:
        sizes = dict.fromkeys(Verdict, 0)
        for each in posted:
            sizes[each.outcome.verdict] += len(each.envelope.message_ids)
        self.report.sent += sizes[Verdict.ACCEPTED]
        self.report.unknown += sizes[Verdict.PERHAPS]
        self.report.failed += failed
        self.report.released += sizes[Verdict.NOT_SENT] + sizes[Verdict.REFUSED] - failed

    def _timed(self, phase: str, work: Callable[[], Work]) -> Work:
        started = time.monotonic()
        try:
            return work()
        finally:
            self.report.seconds[phase] = self.report.seconds.get(phase, 0.0) + time.monotonic() - started


def _left_by_the_dead(left: dict[str, str], line: Line | None, boot: str, now: datetime) -> dict[str, object]:
    """One row of `ANSWERED` for a request whose tick died (SPEC 6.7)."""
    after_power_loss = left["boot_id"] != boot
    journalled = line is not None and line.entry is Entry.POSTED
    perhaps = left["state"] == RequestState.INFLIGHT and (journalled or after_power_loss)
    return {
        "request_id": left["request_id"],
        "outcome": (Verdict.PERHAPS if perhaps else Verdict.NOT_SENT).value,
        "posted_at": line.at if line else now,
        "words": "the tick that held it died",
    }


def boot_id() -> str:
    """This boot of the machine: after another one the journal's last lines may be lost."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"
