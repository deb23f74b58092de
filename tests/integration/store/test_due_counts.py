"""Who waits, by step: the counts agree with the order person by person (SPEC 4)."""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.campaigns import START, curve
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store import senders, sequences, steps, ticks, warmup
from xmit_pipeline.store.connection import Connection, EmbeddedStore
from xmit_pipeline.store.frontier import NO_LIMIT, due_groups, plan

ENROLL = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, source, step_id, due_at, enrolled_at)
SELECT uuidv7(), $sequence, uuidv7(), 'active', 'manual', $step,
    $now::TIMESTAMPTZ - to_minutes((hash(i + $seed) % $minutes)::BIGINT), $now
FROM range($people) AS series(i)
"""
EARLIER = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    created_at)
SELECT uuidv7(), 'earlier', uuidv7(), uuidv7(), uuidv7(), $domain, 'accepted', $size, $overdue, $day, $now
"""
NOON = START.replace(hour=14)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One store for all examples; each is rolled back."""
    store = EmbeddedStore(Path(tmp_path_factory.mktemp("town")) / "xmit.duckdb")
    yield store
    store.close()


def furnish(connection: Connection, chance: Random) -> None:
    """Two warming domains, some of their day gone, and sequences whose steps lie on either, some of them held."""
    domains = [senders.add_domain(connection, f"d{n}.example", START, verified=True) for n in range(2)]
    for domain in domains:
        warmup.configure(
            connection, domain, START, enabled=chance.random() < 0.8, pacing=chance.random() < 0.5,
            **curve(start=chance.choice([7, 40, 60, 100, 150]), target=1000),
        )  # fmt: skip
        spend(connection, domain, size := chance.choice([0, 3, 30]), overdue=chance.choice([0, size]))
    offices = [senders.add_sender(connection, d, f"a@d{n}.example", START) for n, d in enumerate(domains)]
    for number in range(chance.randint(1, 4)):
        furnish_sequence(connection, chance, number, offices)


def spend(connection: Connection, domain: UUID, size: int, overdue: int) -> None:
    """So many of the day's places are gone, some of them to a backlog."""
    spent = {"domain": domain, "size": size, "overdue": overdue, "day": utc_day(NOON), "now": START}
    connection.execute(EARLIER, spent)


def furnish_sequence(connection: Connection, chance: Random, number: int, offices: list[UUID]) -> None:
    sequence = sequences.create_sequence(
        connection, START, name=f"s{number}", trigger_type=TriggerType.MANUAL,
        sender_id=chance.choice(offices), priority=chance.choice([1, 1, 2]),
    )  # fmt: skip
    for position in range(chance.randint(1, 3)):
        step = steps.add_step(
            connection, sequence, START, name=f"{position}", subject="Hi", body_html="<p>Hi</p>"
        )
        if chance.random() < 0.3:
            connection.execute(
                "UPDATE step SET sender_id = $sender WHERE id = $id", {"sender": offices[0], "id": step}
            )
        if chance.random() < 0.15:
            connection.execute("UPDATE step SET held_at = $now WHERE id = $id", {"now": START, "id": step})
        crowd = {
            "people": chance.choice([5, 30, 60]),
            "minutes": chance.choice([1, 90, 200]),
            "seed": chance.random(),
        }
        connection.execute(ENROLL, {"sequence": sequence, "step": step, "now": NOON, **crowd})
    sequences.activate(connection, sequence, START)


class Undone(Exception):
    """Ends an example without keeping it."""


@contextmanager
def undone(store: EmbeddedStore) -> Generator[Connection]:
    """A transaction that leaves nothing behind."""
    with suppress(Undone), store.transaction() as connection:
        yield connection
        raise Undone


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_counts_agree_with_the_order(town: EmbeddedStore, seed: int) -> None:
    """SPEC 4: of each step exactly those wait whom the order leaves out, whatever is cut short on the way."""
    with undone(town) as connection:
        furnish(connection, Random(seed))  # noqa: S311  (no secret)
        going = plan(connection, NOON, NO_LIMIT)["enrollment_id"].to_list()
        rows = connection.execute(
            "SELECT id::VARCHAR, step_id FROM enrollment WHERE status = 'active' AND due_at <= $now",
            {"now": NOON},
        ).fetchall()
        waiting = Counter(step for person, step in rows if person not in set(going))
        due = Counter(step for _, step in rows)

        groups = due_groups(connection, NOON)

        assert {group.step_id: group.due for group in groups} == due
        assert {group.step_id: group.deferred for group in groups if group.deferred} == waiting


def test_running_tick_does_not_count_whom_it_served(town: EmbeddedStore) -> None:
    """SPEC 2: who got a step in the tick under way is not due in it again."""
    with undone(town) as connection:
        furnish_sequence(connection, Random(3), 1, _office(connection))  # noqa: S311  (no secret)
        ticks.start_tick(connection, "earlier", NOON, NOON, simulated=True)
        before = sum(group.due for group in due_groups(connection, NOON + timedelta(hours=1)))
        connection.execute("UPDATE enrollment SET last_step_id = step_id")
        connection.execute(
            "INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at,"
            " overdue, request_id, created_at) SELECT uuidv7(), id, sequence_id, step_id, contact_id, 'a@b.example',"
            " 'sent', false, $now, false, (SELECT any_value(id) FROM request), $now FROM enrollment LIMIT 2",
            {"now": NOON},
        )
        after = sum(group.due for group in due_groups(connection, NOON + timedelta(hours=1)))
        assert before - after == 2


def _office(connection: Connection) -> list[UUID]:
    domain = senders.add_domain(connection, "d.example", START, verified=True)
    spend(connection, domain, 0, 0)
    return [senders.add_sender(connection, domain, "a@d.example", START)]
