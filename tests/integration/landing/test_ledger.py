"""The ledger against a model in memory: who is enrolled, whatever happens to a list (SPEC 2, PAINS A8)."""

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import polars as pl
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.campaigns import START
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import ledger, lists, senders, sequences, steps
from xmit_pipeline.store.connection import Connection, EmbeddedStore, offered

PEOPLE = 5
SOME = st.sets(st.integers(0, PEOPLE - 1))


class LedgerMachine(RuleBasedStateMachine):
    """One list, one sequence that it starts, five people."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = EmbeddedStore(Path(self.folder.name) / "xmit.duckdb")
        self.now: datetime = START
        self.status = "draft"
        self.members: set[int] = set()
        self.seen: set[int] = set()
        self.waiting: set[int] = set()
        self.enrolled: set[int] = set()

    @initialize()
    def begin(self) -> None:
        with self.store.transaction() as connection:
            domain_id = senders.add_domain(connection, "example.com", START, verified=True)
            senders.add_sender(connection, domain_id, "hello@example.com", START)
            self.list_id = lists.create_list(connection, "News", START)
            self.sequence_id = sequences.create_sequence(
                connection, START, name="w", trigger_type=TriggerType.LIST_ADD, trigger_list_id=self.list_id
            )
            steps.add_step(connection, self.sequence_id, START, name="s", subject="x", body_html="y")
            connection.execute(
                "INSERT INTO contact (id, email, metadata, status, created_at, updated_at) "
                "SELECT uuidv7(), range || '@example.net', '{}', 'active', $now, $now FROM range($people)",
                {"now": START, "people": PEOPLE},
            )
            found = connection.execute(
                "SELECT split_part(email, '@', 1)::INTEGER, id FROM contact"
            ).fetchall()
            self.ids: dict[int, UUID] = dict(found)

    @rule(people=SOME)
    def rewritten_by_file(self, people: set[int]) -> None:
        with self.store.transaction() as connection:
            self.land(connection, people)
            gone = pl.DataFrame({"contact_id": [str(self.ids[one]) for one in self.members - people]})
            if gone.height:
                ledger.leave_list(connection, self.list_id, gone, self.now)
        self.members = set(people)

    @rule(people=SOME)
    def added_by_file(self, people: set[int]) -> None:
        with self.store.transaction() as connection:
            self.land(connection, people)
        self.members |= people

    @rule(people=SOME)
    def added_by_api(self, people: set[int]) -> None:
        with self.store.transaction() as connection:
            lists.add_contacts(connection, self.list_id, [self.ids[one] for one in people], self.now)
        if self.status == "active":
            self.enrolled |= people - self.members
        self.seen |= people
        self.members |= people

    @rule(people=SOME)
    def removed_by_api(self, people: set[int]) -> None:
        with self.store.transaction() as connection:
            lists.remove_contacts(connection, self.list_id, [self.ids[one] for one in people], self.now)
        self.members -= people

    @rule()
    def moved_on(self) -> None:
        """Draft to active, active to paused, paused to active."""
        move = {"draft": sequences.activate, "active": sequences.pause, "paused": sequences.resume}[
            self.status
        ]
        with self.store.transaction() as connection:
            move(connection, self.sequence_id, self.now)
        self.status = "paused" if self.status == "active" else "active"

    @rule()
    def fired_by_tick(self) -> None:
        self.now += timedelta(minutes=1)
        ledger.fire_all(self.store, self.now)
        if self.status == "active":
            self.enrolled |= self.waiting & self.members
            self.waiting.clear()

    @precondition(lambda self: self.status != "paused")
    @rule()
    def looked_at_by_schedule(self) -> None:
        with self.store.snapshot() as connection:
            assert ledger.ledger_waits(connection) == bool(self.waiting)

    @invariant()
    def the_store_says_the_same(self) -> None:
        if not hasattr(self, "ids"):
            return
        people = {contact_id: one for one, contact_id in self.ids.items()}
        with self.store.snapshot() as connection:
            members = connection.execute("SELECT contact_id FROM list_member").fetchall()
            enrolled = connection.execute("SELECT contact_id FROM enrollment").fetchall()
            seen = connection.execute("SELECT contact_id FROM list_ledger").fetchall()
        assert sorted(people[row[0]] for row in members) == sorted(self.members)
        assert sorted(people[row[0]] for row in enrolled) == sorted(self.enrolled)
        assert sorted(people[row[0]] for row in seen) == sorted(self.seen)

    def land(self, connection: Connection, people: AbstractSet[int]) -> None:
        joining = pl.DataFrame(
            {"contact_id": [str(self.ids[one]) for one in people]}, schema={"contact_id": pl.String}
        )
        with offered(connection, "given_joining", joining):
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE joining AS SELECT contact_id::UUID AS contact_id FROM given_joining"
            )
        ledger.land_on_list(connection, self.list_id, self.now)
        if self.status == "active":
            self.waiting |= set(people) - self.members - self.seen
        self.seen |= people

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
