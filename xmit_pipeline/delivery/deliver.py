"""One tick's delivery: recover, then claim, render, look once more, post and settle, slice by slice (SPEC 6)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import polars as pl

from xmit_pipeline.delivery.brake import Brake
from xmit_pipeline.delivery.divisions import Decision, Divisions
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.objections import Objections
from xmit_pipeline.delivery.posting import REJECTED, Posted, Poster, Posting, answered, given_back, rejected
from xmit_pipeline.delivery.recovery import boot_id, fates_of
from xmit_pipeline.delivery.window import RenderedWindow, render_windows
from xmit_pipeline.model.circuits import Patience
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.lifecycle import RequestState
from xmit_pipeline.model.outcomes import Cause, Consequence, Outcome, Verdict
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.circuits import close_circuit, fail_circuit, open_circuit
from xmit_pipeline.store.claims import Claim, claim
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.frontier import plan
from xmit_pipeline.store.holds import hold_sender, hold_step
from xmit_pipeline.store.last_look import LastLook, make_inflight
from xmit_pipeline.store.outbox import open_requests, settle, taken_lately
from xmit_pipeline.store.unknown import settle_taken

Work = TypeVar("Work")
PLAN = 400_000
"""People planned at a time: the order is worked out once for many claims."""
SLICE = 20_000
"""Messages a claim takes: large enough to spread its cost, small enough to keep its turn under a second."""
NO_PARTS = pl.DataFrame(schema={"message_id": pl.String, "request_id": pl.String})
NOBODY = pl.DataFrame(schema=REJECTED)


@dataclass(slots=True)
class TickReport:
    """What one tick did, in messages. `note` says why it stopped early, or was `refused`; `seconds` per phase.

    `alert` is set once an opening of the circuit; `unanswered` are answers of unknown fate in a row at the end.
    """

    claimed: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    released: int = 0
    recovered: int = 0
    unanswered: int = 0
    note: str | None = None
    alert: str | None = None
    refused: bool = False
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Delivery:
    """One tick at work. The caller holds the tick lock: whatever is open at the start belongs to the dead.

    `unanswered`: answers of unknown fate in a row when the tick before ended.
    """

    store: Store
    settings: Settings
    clock: Clock
    poster: Poster
    journal: Journal
    tick_id: str
    unanswered: int = 0
    report: TickReport = field(default_factory=TickReport)
    brake: Brake = field(init=False)
    objections: Objections = field(init=False)
    divisions: Divisions = field(init=False)
    patience: Patience = field(init=False)
    deadline: float = field(init=False, default=float("inf"))

    def __post_init__(self) -> None:
        self.brake = Brake(self.unanswered)
        self.objections = Objections(self.store, self.settings.home, self.clock)
        self.divisions = Divisions(self._taken_lately)
        # simulated time does not pass by waiting
        self.patience = Patience(0.0 if self.clock.simulated else self.settings.retry_budget_seconds)

    def run(self, progress: Callable[[TickReport], None] | None = None) -> TickReport:
        """Deliver what is due, until nothing is left, SendGrid is in trouble, or the tick's budget is spent."""
        self.deadline = time.monotonic() + self.settings.tick_budget_seconds
        cautious = self._circuit_is_open()
        self.brake.probing = cautious
        while not self.report.note:
            planned = self._timed("plan", partial(self._plan, 1 if cautious else PLAN))
            if planned.is_empty():
                break
            for slice_ in planned.iter_slices(SLICE):
                self._take(slice_)
                if progress:
                    progress(self.report)
                if time.monotonic() > self.deadline:
                    self.report.note = "The tick's time is up; the next one goes on."
                if self.brake.stopped or self.report.note:
                    break
            if self.brake.stopped:
                self._wait_out(self.brake.stopped)
                cautious = True
            elif cautious and self.brake.answered:
                self._close_circuit()
                cautious = False
        self.report.unanswered = self.brake.unanswered
        return self.report

    def _circuit_is_open(self) -> bool:
        """Whether only one message may try; where even that is too early, `note` says until when."""
        with self.store.snapshot() as connection:
            circuit = open_circuit(connection)
        if circuit is not None and self.clock.now() < circuit.probe_at:
            self.report.note = circuit.told
        return circuit is not None

    def _wait_out(self, why: Outcome) -> None:
        """Wait where that is likely to help, and try again with one message; else stop, and open the circuit."""
        wait = self.patience.next_wait(why.wait) if why.cause is Cause.BUSY else None
        if wait is not None:
            self._timed("wait", lambda: time.sleep(wait))
            self.brake = Brake(probing=True)
            return
        self.report.note = why.words or "SendGrid is in trouble"
        if why.cause is not None:
            with self.store.transaction() as connection:
                opened = fail_circuit(connection, self.clock.now(), why.cause, why.words, why.wait)
                circuit = open_circuit(connection)
            self.report.note = circuit.told if circuit else why.words
            self.report.alert = self.report.note if opened else None

    def _close_circuit(self) -> None:
        with self.store.transaction() as connection:
            close_circuit(connection, self.clock.now())

    def _taken_lately(self, step_id: str) -> bool:
        with self.store.snapshot() as connection:
            return taken_lately(connection, step_id)

    def recover(self) -> None:
        """Settle what a dead tick left: journalled and not refused is unknown, all else surely not sent."""
        self._timed("recover", self._recover)

    def _recover(self) -> None:
        with self.store.snapshot() as connection:
            left = open_requests(connection)
        if left.is_empty():
            return
        answers = fates_of(left, self.journal, self.clock.now())
        with self.store.transaction() as connection:
            settle(connection, now=self.clock.now(), answered=answers, rejected=NOBODY, divided=NO_PARTS)
        self.report.recovered = left.height

    def _plan(self, limit: int) -> pl.DataFrame:
        with self.store.snapshot() as connection:
            return plan(connection, self.clock.now(), limit, self.settings.contact_gap)

    def _take(self, planned: pl.DataFrame) -> None:
        taken = self._timed("claim", lambda: self._claim(planned))
        self.report.claimed += taken.people.height
        self.report.skipped += taken.exited
        if taken.people.height:
            self._deliver(taken)

    def _claim(self, planned: pl.DataFrame) -> Claim:
        now = self.clock.now()
        with self.store.transaction() as connection:
            settle_taken(connection, now)
            return claim(
                connection,
                now=now,
                tick_id=self.tick_id,
                planned=planned,
                public_url=self.settings.public_url,
                secret=self.settings.secret,
                gap=self.settings.contact_gap,
            )

    def _deliver(self, taken: Claim) -> None:
        """Window by window, each on a last look of its own; what the tick can't get to is given back."""
        windows = render_windows(taken, self.clock.now())
        while not self._is_over:
            window = self._timed("render", lambda: next(windows, None))
            if window is None:
                return
            self._deliver_window(window)
        self._timed("settle", self._give_back)

    def _deliver_window(self, window: RenderedWindow) -> None:
        """Post a window; what is refused without a name goes on in parts, until the blame is found."""
        self.brake.dividing = False
        while posted := self._post(window):
            decision = self.divisions.after(posted, go_on=self.brake.stopped is None)
            self._timed("settle", partial(self._settle, posted, decision))
            if not decision.parts:
                return
            window = window.divided({part.request_id: part.refused_id for part in decision.parts})
            self.brake.dividing = True

    @property
    def _is_over(self) -> bool:
        """Whether this tick posts no more of what it has claimed. A tick that is late already posts a little first."""
        return self.brake.stopped is not None or (self.brake.answered and time.monotonic() > self.deadline)

    def _give_back(self) -> None:
        """What was claimed, and never came to its last look, is due as it was."""
        with self.store.transaction() as connection:
            left = open_requests(connection).filter(pl.col("state") == RequestState.CLAIMED)
            skipped = settle(
                connection, now=self.clock.now(), answered=given_back(left), rejected=NOBODY, divided=NO_PARTS
            )
        self.report.skipped += skipped
        self.report.released += int(left["size"].sum()) - skipped

    def _post(self, window: RenderedWindow) -> list[Posted]:
        day = utc_day(self.clock.now())
        self._timed("objections", self.objections.fold)
        look = self._timed("last look", lambda: self._look_last(window))
        self.report.skipped += look.skipped
        self.report.released += look.released
        envelopes = window.envelopes(look.ready)
        posting = Posting(
            self.poster, self.journal, self.clock, self.brake, self.objections, day, self.deadline
        )
        return self._timed("post", lambda: posting.post_all(envelopes))

    def _look_last(self, window: RenderedWindow) -> LastLook:
        with self.store.transaction() as connection:
            return make_inflight(
                connection,
                now=self.clock.now(),
                tick_id=self.tick_id,
                boot_id=boot_id(),
                requests=window.requests,
                unrendered=window.unrendered,
                alone=window.alone,
                before=window.before,
                broken=window.broken,
            )

    def _settle(self, posted: Sequence[Posted], decision: Decision) -> None:
        now = self.clock.now()
        failed = [*rejected(posted), *decision.failed]
        parts = [(message_id, part.request_id) for part in decision.parts for message_id in part.message_ids]
        held = {
            each.envelope.sender_id: each.outcome.words
            for each in posted
            if each.outcome.consequence is Consequence.HOLD_SENDER
        }
        with self.store.transaction() as connection:
            skipped = settle(
                connection,
                now=now,
                answered=answered(posted),
                rejected=pl.DataFrame(failed, schema=REJECTED, orient="row"),
                divided=pl.DataFrame(parts, schema=NO_PARTS.schema, orient="row"),
            )
            for step_id, words in decision.held:
                hold_step(connection, step_id, now, f"step_refused: {words}")
            for sender_id, words in held.items():
                hold_sender(connection, sender_id, now, words)
        self._count(posted, len(failed), len(parts), skipped)

    def _count(self, posted: Sequence[Posted], failed: int, divided: int, skipped: int) -> None:
        sizes = dict.fromkeys(Verdict, 0)
        for each in posted:
            sizes[each.outcome.verdict] += len(each.envelope.message_ids)
        self.report.sent += sizes[Verdict.ACCEPTED]
        self.report.unknown += sizes[Verdict.PERHAPS]
        self.report.failed += failed
        self.report.skipped += skipped
        self.report.released += sizes[Verdict.NOT_SENT] + sizes[Verdict.REFUSED] - failed - divided - skipped

    def _timed(self, phase: str, work: Callable[[], Work]) -> Work:
        started = time.monotonic()
        try:
            return work()
        finally:
            self.report.seconds[phase] = self.report.seconds.get(phase, 0.0) + time.monotonic() - started
