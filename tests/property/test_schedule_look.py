"""The schedule's look against the frontier itself: it asks for a tick where one could send, and not for nothing."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import senders, sequences, steps, warmup
from xmit_pipeline.store.connection import Connection, EmbeddedStore
from xmit_pipeline.store.frontier import look, plan
from xmit_pipeline.store.spread import spread_overdue

DAY = datetime(2026, 3, 2, tzinfo=UTC)
HALF_A_WINDOW = timedelta(minutes=30)
NOTED = "mail that waits, to be noted"


class TakenBackError(Exception):
    """Ends an example's transaction."""


@contextmanager
def taken_back(store: EmbeddedStore) -> Generator[Connection]:
    """A transaction that leaves nothing: the next example finds an empty store."""
    with suppress(TakenBackError), store.transaction() as connection:
        yield connection
        raise TakenBackError


@dataclass(frozen=True)
class Sending:
    """A domain, a sequence of one step over it, and for how many minutes its people have been due."""

    wall: str
    limit: int
    used: int
    used_overdue: int
    pacing: bool
    active_days: int
    waits: list[int]


@st.composite
def sendings(draw: st.DrawFn) -> Sending:
    limit = draw(st.integers(0, 30))
    used = max(0, limit - draw(st.sampled_from([0, 0, 1, 9])))
    return Sending(
        wall=draw(
            st.sampled_from(["none", "limit", "limit", "limit", "limit", "paused", "held", "unverified"])
        ),
        limit=limit,
        used=used,
        used_overdue=draw(st.sampled_from([0, used])),
        pacing=draw(st.booleans()),
        active_days=draw(st.sampled_from([0, 0, 0, 1])),
        waits=draw(st.lists(st.sampled_from([-1, 0, 59, 60, 61, 600]), max_size=3)),
    )


@pytest.fixture(scope="module")
def empty() -> Iterator[EmbeddedStore]:
    with tempfile.TemporaryDirectory(prefix="xmit-look-") as folder:
        store = EmbeddedStore(Path(folder) / "xmit.duckdb")
        yield store
        store.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_=st.lists(sendings(), min_size=1, max_size=2), hour=st.integers(0, 23), minute=st.integers(0, 59)
)
def test_a_tick_is_asked_for_where_one_could_send(
    empty: EmbeddedStore, given_: list[Sending], hour: int, minute: int
):
    """DESIGN 6: never a miss; and where nobody may go, one tick notes it and then none runs for nothing."""
    now = DAY + timedelta(hours=hour, minutes=minute)
    with taken_back(empty) as connection:
        for number, each in enumerate(given_):
            put_in(connection, number, each, now)
        told = look(connection, now)
        warmup.turn_of_day(connection, now)
        spread_overdue(connection, now)
        if plan(connection, now, 10).height:
            assert told in ("mail is due", "a warmup that is complete")
        else:
            assert told == (NOTED if any(max(each.waits, default=-1) >= 0 for each in given_) else None)
            assert look(connection, now) is None
            later = now + HALF_A_WINDOW
            if later.hour == now.hour and not plan(connection, later, 10).height:
                assert look(connection, later) is None


def put_in(connection: Connection, number: int, given_: Sending, now: datetime) -> None:
    name = f"d{number}.example"
    domain = senders.add_domain(connection, name, DAY, verified=True)
    sender = senders.add_sender(connection, domain, f"hi@{name}", DAY)
    sequence = sequences.create_sequence(
        connection, DAY, name=name, trigger_type=TriggerType.MANUAL, sender_id=sender
    )
    step = steps.add_step(connection, sequence, DAY, name="one", subject="Hi", body_html="<p>Hi</p>")
    sequences.activate(connection, sequence, DAY)
    if given_.wall == "limit":
        since = DAY - timedelta(days=given_.active_days)
        warmup.configure(connection, domain, since, enabled=True, table=[given_.limit], pacing=given_.pacing)
        connection.execute(
            "INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, "
            "quota_day, created_at) VALUES (uuidv7(), 'before', $sequence, $step, $sender, $domain, 'accepted', "
            "$used, $overdue, $today, $now)",
            {
                "sequence": sequence, "step": step, "sender": sender, "domain": domain, "used": given_.used,
                "overdue": given_.used_overdue, "today": now.date(), "now": now,
            },
        )  # fmt: skip
    elif given_.wall == "paused":
        warmup.pause(connection, domain, DAY, "by hand")
    elif given_.wall == "held":
        connection.execute("UPDATE step SET held_at = $now WHERE id = $id", {"now": DAY, "id": step})
    elif given_.wall == "unverified":
        connection.execute("UPDATE domain SET verified = false WHERE id = $id", {"id": domain})
    for waited in given_.waits:
        connection.execute(
            "INSERT INTO enrollment (id, sequence_id, contact_id, status, source, step_id, due_at, enrolled_at) "
            "VALUES (uuidv7(), $sequence, uuidv7(), 'active', 'manual', $step, $due, $due)",
            {"sequence": sequence, "step": step, "due": now - timedelta(minutes=waited)},
        )
