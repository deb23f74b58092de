"""Every fact is told once to every endpoint that wants it, whatever order times and ticks come in (SPEC 8)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.campaigns import START
from xmit_pipeline.model.webhooks import WebhookType
from xmit_pipeline.store.connection import EmbeddedStore, rows_as_dicts
from xmit_pipeline.store.webhook_queue import LATE, forget_told, queue_untold
from xmit_pipeline.store.webhooks import add_endpoint, delete_endpoint, update_endpoint

MINUTE = timedelta(minutes=1)
TABLES = [
    "contact",
    "enrollment",
    "message",
    "event",
    "tick",
    "webhook_endpoint",
    "webhook_subscription",
    "webhook_mark",
    "webhook_delivery",
    "webhook_look",
]
NOBODY = UUID(int=0)

CONTACT = """
INSERT INTO contact (id, email, metadata, status, created_at, updated_at)
VALUES ($id, 'a@example.org', '{}', 'active', $at, $at)
"""
ENROLLMENT = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, exit_reason, source, last_step_id, enrolled_at, ended_at)
VALUES ($id, $id, $contact, $status, CASE WHEN $status = 'exited' THEN 'manual' END, 'manual', $step, $at, $at)
"""
MESSAGE = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at, overdue,
    created_at, sent_at, settled_at)
VALUES ($id, $enrollment, $id, $step, $contact, 'a@example.org', 'sent', false, $sent, false, $sent, $sent, $at)
"""
EVENT = """
INSERT INTO event (sg_event_id, kind, message_id, email, happened_at, folded_at, effect)
VALUES ($sg, $kind, $message, 'a@example.org', $happened, $at, $effect)
"""
TICK = """
INSERT INTO tick (id, moment, simulated, started_at, finished_at, superseded, claimed, sent, skipped, failed, unknown,
    deferred)
VALUES ($id, $moment, false, $wall, CASE WHEN $ended THEN $wall END, $refused, 0, 0, 0, 0, 0, 0)
"""


@dataclass(frozen=True)
class Wish:
    """A subscription: it is owed what becomes known after it began, and nothing that was known before."""

    began: datetime


@pytest.fixture(scope="module", autouse=True)
def shared_store() -> Iterator[None]:
    """One store for all runs of the machine; making one costs more than a run."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        Facts.store = EmbeddedStore(Path(folder) / "xmit.duckdb")
        stack.callback(Facts.store.close)
        yield


class Facts(RuleBasedStateMachine):
    """Two clocks: the wall's, and the ticks', which may be simulated, set back and set forward."""

    store: EmbeddedStore

    @initialize()
    def begin(self) -> None:
        self.wall, self.moment = START, START
        self.wishes: dict[UUID, dict[WebhookType, Wish]] = {}
        self.wanted: dict[UUID, set[WebhookType]] = {}
        self.promised: set[tuple[Any, ...]] = set()
        self.told: dict[UUID, tuple[Any, ...]] = {}
        self.sent: list[UUID] = []
        self.final: set[tuple[UUID, str]] = set()
        with self.store.transaction() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            connection.execute(CONTACT, {"id": NOBODY, "at": START})

    def write(self, statement: str, **parameters: object) -> None:
        with self.store.transaction() as connection:
            connection.execute(statement, parameters)

    def became_known(self, kind: WebhookType, key: tuple[Any, ...], at: datetime) -> None:
        for endpoint, wishes in self.wishes.items():
            wish = wishes.get(kind)
            if wish and at >= wish.began - LATE:
                self.promised.add((endpoint, kind, *key))

    # endpoints

    @rule(wanted=st.sets(st.sampled_from(WebhookType), min_size=1))
    def add(self, wanted: set[WebhookType]) -> None:
        with self.store.transaction() as connection:
            endpoint, _ = add_endpoint(connection, self.wall, url="https://example.com", events=wanted)
        self.wanted[endpoint] = wanted
        self.wishes[endpoint] = {kind: Wish(self.wall) for kind in wanted}

    @precondition(lambda self: self.wanted)
    @rule(data=st.data(), wanted=st.sets(st.sampled_from(WebhookType), min_size=1))
    def change(self, data: st.DataObject, wanted: set[WebhookType]) -> None:
        """What was queued stays; a new type begins now, and what was not looked for yet of an old one is lost."""
        endpoint = data.draw(st.sampled_from(sorted(self.wanted)))
        self.look()
        with self.store.transaction() as connection:
            update_endpoint(connection, endpoint, self.wall, events=wanted)
        self.wanted[endpoint] = wanted
        old = self.wishes[endpoint]
        if old:
            self.wishes[endpoint] = {kind: old.get(kind) or Wish(self.wall) for kind in wanted}

    @precondition(lambda self: self.wanted)
    @rule(data=st.data(), on=st.booleans())
    def switch(self, *, data: st.DataObject, on: bool) -> None:
        endpoint = data.draw(st.sampled_from(sorted(self.wanted)))
        self.look()
        with self.store.transaction() as connection:
            update_endpoint(connection, endpoint, self.wall, enabled=on)
        if not on:
            self.wishes[endpoint] = {}
        elif not self.wishes[endpoint]:
            self.wishes[endpoint] = {kind: Wish(self.wall) for kind in self.wanted[endpoint]}

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        endpoint = data.draw(st.sampled_from(sorted(self.wanted)))
        self.look()
        with self.store.transaction() as connection:
            delete_endpoint(connection, endpoint, self.wall)
        del self.wanted[endpoint], self.wishes[endpoint]

    # clocks

    @rule(minutes=st.integers(0, 3000))
    def time_passes(self, minutes: int) -> None:
        self.wall += minutes * MINUTE

    @rule(hours=st.integers(1, 72))
    def clock_is_set_back(self, hours: int) -> None:
        """The schedule's next tick sees it, and refuses; its record says when that was."""
        self.wall -= timedelta(hours=hours)
        self.tick_at(self.wall, refused=True)

    def tick_at(self, moment: datetime, *, refused: bool = False, ended: bool = True) -> None:
        self.write(TICK, id=str(uuid4()), moment=moment, wall=self.wall, refused=refused, ended=ended)

    @rule(ahead=st.integers(-4000, 4000), sends=st.integers(0, 3), died=st.booleans())
    def tick(self, *, ahead: int, sends: int, died: bool) -> None:
        """A tick at any moment, as if its clock had been accepted; it sends, and may die before it looks."""
        self.moment = self.wall + ahead * MINUTE
        self.tick_at(self.moment, ended=not died)
        for _ in range(sends):
            self.send(self.moment, self.moment)
        if not died:
            self.look()

    # facts

    def send(self, sent: datetime, at: datetime) -> None:
        message, enrollment, step = uuid4(), uuid4(), uuid4()
        self.write(MESSAGE, id=message, enrollment=enrollment, step=step, contact=NOBODY, sent=sent, at=at)
        self.write(ENROLLMENT, id=enrollment, contact=NOBODY, status="completed", step=step, at=sent)
        self.sent.append(message)
        self.became_known(WebhookType.SENT, (message,), at)
        self.became_known(WebhookType.COMPLETED, (enrollment,), at)

    @rule(days=st.integers(1, 5))
    def an_old_post_is_settled(self, days: int) -> None:
        """An event proves it: the enrollment ended when it was posted, and we learn of it now."""
        self.send(self.wall - timedelta(days=days), self.wall)

    @rule(late=st.integers(0, 14))
    def someone_exits(self, late: int) -> None:
        """By a call that waited for its turn, and had read the time before."""
        enrollment, at = uuid4(), self.wall - late * MINUTE
        self.write(ENROLLMENT, id=enrollment, contact=NOBODY, status="exited", step=None, at=at)
        self.became_known(WebhookType.EXITED, (enrollment,), at)

    @precondition(lambda self: self.sent)
    @rule(
        data=st.data(),
        kind=st.sampled_from(["delivered", "open", "click", "bounce", "spamreport", "processed"]),
        blocked=st.booleans(),
        minutes_ago=st.integers(0, 5000),
        times=st.integers(1, 2),
    )
    def an_event_is_folded(
        self, *, data: st.DataObject, kind: str, blocked: bool, minutes_ago: int, times: int
    ) -> None:
        """Late, out of order, and twice under two ids of SendGrid's."""
        message, happened = data.draw(st.sampled_from(self.sent)), self.wall - minutes_ago * MINUTE
        if (message, kind) in self.final:
            return
        effect = "blocked" if blocked else "bounced"
        if kind not in ("open", "click"):
            self.final.add((message, kind))  # SendGrid says each of these once
        for _ in range(times):
            self.write(
                EVENT,
                sg=str(uuid4()),
                kind=kind,
                message=message,
                happened=happened,
                at=self.wall,
                effect=effect,
            )
        match kind:
            case "delivered":
                self.told_by_event(WebhookType.DELIVERED, message)
            case "open" | "click":
                told = WebhookType.OPENED if kind == "open" else WebhookType.CLICKED
                self.told_by_event(told, message, happened)
            case "bounce" if not blocked:
                self.told_by_event(WebhookType.BOUNCED, message)
            case "spamreport":
                self.told_by_event(WebhookType.COMPLAINED, message)

    def told_by_event(self, kind: WebhookType, *key: Any) -> None:
        self.became_known(kind, key, self.wall)

    # looking

    @rule()
    def look(self) -> None:
        queue_untold(self.store, self.moment, self.wall)
        with self.store.snapshot() as connection:
            rows = rows_as_dicts(connection, "SELECT * FROM webhook_delivery")
        for row in rows:
            kind = WebhookType(row["type"])
            timed = kind in (WebhookType.OPENED, WebhookType.CLICKED)
            subject = row["message_id"] or row["enrollment_id"]
            key = (subject, row["happened_at"]) if timed else (subject,)
            self.told[row["id"]] = (row["endpoint_id"], kind, *key)

    @rule()
    def what_was_told_is_forgotten(self) -> None:
        self.look()
        self.write("UPDATE webhook_delivery SET state = 'delivered'")
        forget_told(self.store, self.moment, self.wall)

    @invariant()
    def nothing_is_told_twice(self) -> None:
        counts = Counter(self.told.values())
        assert max(counts.values(), default=1) == 1

    def teardown(self) -> None:
        self.look()
        assert set(self.told.values()) == self.promised


TestFacts = Facts.TestCase
TestFacts.settings = settings(stateful_step_count=25, max_examples=25, deadline=None)
