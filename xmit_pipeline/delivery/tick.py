"""One tick's sending, under the tick lock: two at once never claim, the second says why it waits (SPEC 6.9)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from xmit_pipeline.delivery.deliver import Delivery, TickReport
from xmit_pipeline.delivery.email_logs import EmailLogs, look_up_unknown
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.posting import Poster
from xmit_pipeline.delivery.safety import out_of_step, unsafe
from xmit_pipeline.delivery.test_send import recover_tests
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.frontier import DueGroup, due_groups
from xmit_pipeline.store.tick_start import begin_tick
from xmit_pipeline.store.ticks import finish_tick, start_tick, unanswered_in_a_row
from xmit_pipeline.store.unknown import settle_unknown
from xmit_pipeline.store.warmup import turn_of_day
from xmit_pipeline.store.wish_files import prune_wishes, waiting_wishes
from xmit_pipeline.store.wishes import fold_wishes

PATIENCE_SECONDS = 1.0
"""How long a tick waits for the tick lock: whoever only asks whether one is alive holds it for a moment too."""


@dataclass(frozen=True, slots=True)
class TickResult:
    """What the tick did, and who is still due after it."""

    report: TickReport
    waiting: list[DueGroup]

    @property
    def deferred(self) -> int:
        return sum(group.due for group in self.waiting)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of the tick's record."""
        report = self.report
        return {
            "claimed": report.claimed,
            "sent": report.sent,
            "skipped": report.skipped,
            "failed": report.failed,
            "unknown": report.unknown,
            "deferred": self.deferred,
        }


def tick_lock(settings: Settings) -> FileLock:
    """Held by the operating system while a tick sends; a death frees it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.home / "tick.lock", thread_local=False)


def tick_is_alive(settings: Settings) -> bool:
    """Whether some process is sending right now; asks the lock, never a record (DESIGN 6, the zombie)."""
    lock = tick_lock(settings)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def run_tick(
    store: Store,
    settings: Settings,
    clock: Clock,
    poster: Poster,
    tick_id: str,
    progress: Callable[[TickReport], None] | None = None,
    logs: EmailLogs | None = None,
) -> TickResult:
    """Send what is due; with `logs` unknown requests are looked up at SendGrid.

    Where another tick is at work, or sending would be unsafe, nothing is claimed.
    """
    lock = tick_lock(settings)
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        return TickResult(TickReport(note=f"Another tick is sending; see {Path(lock.lock_file).name}."), [])
    try:
        return _run_locked(store, settings, clock, poster, tick_id, progress, logs)
    finally:
        lock.release()


def _run_locked(
    store: Store,
    settings: Settings,
    clock: Clock,
    poster: Poster,
    tick_id: str,
    progress: Callable[[TickReport], None] | None,
    logs: EmailLogs | None,
) -> TickResult:
    journal = Journal(settings.journal)
    if waiting_wishes(settings.home):
        fold_wishes(store, settings.home, clock)
    with store.transaction() as connection:
        why_not = unsafe(settings, clock) or out_of_step(connection, journal, clock.now())
        started = datetime.now(UTC)
        start_tick(
            connection, tick_id, clock.now(), started, simulated=clock.simulated, refused=why_not is not None
        )
        unanswered = unanswered_in_a_row(connection)
        if why_not is None:
            turn_of_day(connection, clock.now())
    report = TickReport(note=why_not, refused=why_not is not None, unanswered=unanswered)
    if not report.refused:
        recover_tests(store, settings, journal, clock.now())
        delivery = Delivery(store, settings, clock, poster, journal, tick_id, unanswered)
        delivery.recover()
        _settle_unknown(store, settings, clock, logs)
        begin_tick(store, clock.now())
        report = delivery.run(progress)
        if logs is not None:
            look_up_unknown(store, clock, logs)
        if journal.prune(started):
            prune_wishes(settings.home, journal.began())
    with store.transaction() as connection:
        result = TickResult(report, due_groups(connection, clock.now(), settings.contact_gap))
        finish_tick(connection, tick_id, datetime.now(UTC), result.counts, report.note, report.unanswered)
    return result


def _settle_unknown(store: Store, settings: Settings, clock: Clock, logs: EmailLogs | None) -> None:
    """By events that were folded, and after a day by the policy (SPEC 6.6), which hears SendGrid's log before.

    All others are looked up after the delivery: nobody's mail waits for a log.
    """
    if logs is not None:
        look_up_unknown(store, clock, logs, posted_by=clock.now() - settings.unknown_after)
    with store.transaction() as connection:
        settle_unknown(
            connection,
            clock.now(),
            policy=settings.unknown_policy,
            after=settings.unknown_after,
            resend_limit=settings.resend_limit,
        )
