"""A test send: reserved, journalled, posted and settled by whoever asked for it, not by a tick (SPEC 8).

While one is under way its maker holds the test lock, which a death frees. So a tick that gets the lock knows that
what is open belongs to the dead, and one that does not leaves it alone. Nobody holds the store meanwhile.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from filelock import FileLock, Timeout

from xmit_pipeline.delivery.journal import Entry, Journal
from xmit_pipeline.delivery.payload import Letter, lone_personalizations, shared_part, whole_body
from xmit_pipeline.delivery.posting import Poster
from xmit_pipeline.delivery.recovery import boot_id
from xmit_pipeline.delivery.safety import out_of_step, unsafe
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.outcomes import Answer, Outcome, Verdict, judge
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.rendering.plain import RenderedMail
from xmit_pipeline.store.connection import Connection, Store
from xmit_pipeline.store.test_sends import Reserved, open_tests, reserve_test, settle_test

PATIENCE_SECONDS = 45.0
"""How long a test waits for another: a post takes half a minute at most."""

Changing = Callable[[], AbstractContextManager[tuple[Connection, datetime]]]
"""Begins one write transaction, and says its time."""


@dataclass(frozen=True, slots=True)
class TestMail:
    """One step as somebody would get it, for one address; `link` is its inert unsubscribe link."""

    sequence_id: UUID
    step_id: UUID
    email: str
    mail: RenderedMail
    link: str

    @property
    def subject(self) -> str:
        return f"[Test] {self.mail.subject}"


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that SendGrid took, or may have taken where `unknown`; `words` say why nobody can tell."""

    message_id: UUID
    unknown: bool
    words: str | None


def send_test(
    test: TestMail, *, store: Store, changing: Changing, settings: Settings, clock: Clock, poster: Poster
) -> Tested:
    """Send one test now. Conflict, in words, where it may not be sent, or surely was not."""
    why_not = unsafe(settings, clock)
    if why_not:
        raise Conflict(why_not)
    journal = Journal(settings.journal)
    with test_turn(settings):
        with changing() as (connection, now):
            reserved = _reserve(connection, journal, test, now)
        outcome, answer, posted_at = _post(test, reserved, journal, clock, poster)
        with store.transaction() as connection:
            settle_test(
                connection,
                reserved.request_id,
                clock.now(),
                outcome=outcome.verdict.value,
                posted_at=posted_at,
                status_code=answer.status,
                provider_id=answer.provider_id,
                words=outcome.words or None,
            )
    if outcome.verdict in (Verdict.NOT_SENT, Verdict.REFUSED):
        raise Conflict(f"The test was not sent: {outcome.words or 'SendGrid refused it'}")
    return Tested(reserved.message_id, outcome.verdict is Verdict.PERHAPS, outcome.words or None)


def recover_tests(store: Store, settings: Settings, journal: Journal, now: datetime) -> int:
    """Settle what dead processes left of their tests; answers how many. One under way is left alone."""
    lock = _test_lock(settings)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return 0
    try:
        return _settle_dead(store, journal, now)
    finally:
        lock.release()


def _settle_dead(store: Store, journal: Journal, now: datetime) -> int:
    """Journalled and not refused, or of another boot: unknown; all else surely was not sent (SPEC 6.7)."""
    with store.snapshot() as connection:
        left = open_tests(connection)
    if left.is_empty():
        return 0
    words, boot = journal.words_on(set(left["request_id"])), boot_id()
    with store.transaction() as connection:
        for row in left.iter_rows(named=True):
            line = words.get(row["request_id"])
            refused = line is not None and line.entry is Entry.NOT_SENT
            perhaps = not refused and (line is not None or row["boot_id"] != boot)
            settle_test(
                connection,
                row["request_id"],
                now,
                outcome=(Verdict.PERHAPS if perhaps else Verdict.NOT_SENT).value,
                posted_at=line.at if line else now,
                words="the process that sent this test died",
            )
    return left.height


def _reserve(connection: Connection, journal: Journal, test: TestMail, now: datetime) -> Reserved:
    why_not = out_of_step(connection, journal, now)
    if why_not:
        raise Conflict(why_not)
    return reserve_test(connection, test.sequence_id, test.step_id, test.email, now, boot_id())


def _post(
    test: TestMail, reserved: Reserved, journal: Journal, clock: Clock, poster: Poster
) -> tuple[Outcome, Answer, datetime]:
    now, request_id = clock.now(), str(reserved.request_id)
    if utc_day(now) != utc_day(reserved.reserved_at):
        return Outcome(Verdict.NOT_SENT, words="the UTC day turned; test once more"), Answer(), now
    try:
        journal.posted(request_id, now, str(test.step_id), sender_id=str(reserved.batch["sender_id"]))
    except OSError as error:
        return (
            Outcome(Verdict.NOT_SENT, words=f"the journal can't be written ({error.strerror})"),
            Answer(),
            now,
        )
    answer = poster.post(_body(test, reserved))
    outcome = judge(answer)
    if outcome.verdict in (Verdict.NOT_SENT, Verdict.REFUSED):
        journal.not_sent(request_id, now)
    return outcome, answer, now


def _body(test: TestMail, reserved: Reserved) -> bytes:
    person: dict[str, Any] = {
        "message_id": str(reserved.message_id),
        "xmit_message": public_id(Kind.MESSAGE, reserved.message_id),
        "email": test.email,
        "unsubscribe_url": test.link,
    }
    people = lone_personalizations(pl.DataFrame([person]))
    letter = Letter(reserved.batch, test.subject, test.mail.html, test.mail.text)
    xmit_request = public_id(Kind.REQUEST, reserved.request_id)
    return whole_body(people["personalization"].to_list(), shared_part(letter), xmit_request)


@contextmanager
def test_turn(settings: Settings) -> Generator[None]:
    """One test at a time, of all processes; Conflict where another waits too long for its answer."""
    try:
        with _test_lock(settings).acquire(timeout=PATIENCE_SECONDS):
            yield
    except Timeout as error:
        raise Conflict("Another test send is still waiting for SendGrid; try again in a minute.") from error


def _test_lock(settings: Settings) -> FileLock:
    settings.home.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.home / "test-send.lock", thread_local=False)
