"""kill -9 of everything in the middle of a tick, and `xmit up` again: it goes on by itself, and nobody is doubled."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from tests.acceptance.running_up import MINUTE_AND_RUN, started, wait_for
from tests.campaigns import enroll_into
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.sandbox.faults import DelayFault
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store import invariants, senders, sequences, steps
from xmit_pipeline.store.connection import EmbeddedStore, rows_as_dicts

SEQUENCES = 12
"""So many requests a tick, of which eight are under way at a time."""
PEOPLE = 10
"""In each sequence."""
AT_A_TIME = 8
SLOW = DelayFault(kind="delay", seconds=3, count=SEQUENCES)


def put_in_people(home: Path) -> None:
    """Each sequence has two steps, a minute apart; every address is in one sequence alone."""
    now, store = datetime.now(UTC), EmbeddedStore(home / "xmit.duckdb")
    with store.transaction() as connection:
        domain = senders.add_domain(connection, "example.com", now, verified=True)
        senders.add_sender(connection, domain, "hello@example.com", now)
        for number in range(SEQUENCES):
            sequence = sequences.create_sequence(
                connection, now, name=f"s{number}", trigger_type=TriggerType.MANUAL
            )
            for delay in (0, 1):
                steps.add_step(
                    connection, sequence, now, name=f"step {delay + 1}", subject=f"s{number} step {delay + 1}",
                    body_html="<p>Hello</p>", delay_amount=delay, delay_unit=DelayUnit.MINUTES,
                )  # fmt: skip
            sequences.activate(connection, sequence, now)
            people = connection.execute(
                "INSERT INTO contact (id, email, metadata, status, created_at, updated_at) "
                "SELECT uuidv7(), $name || i || '@example.net', '{}', 'active', $now, $now "
                "FROM range($people) AS series(i) RETURNING id",
                {"name": f"s{number}-", "now": now, "people": PEOPLE},
            ).fetchall()
            enroll_into(connection, sequence, [row[0] for row in people], now)
    store.close()


def rows(home: Path, query: str) -> list[dict[str, Any]]:
    """Asked by a turn among those of the processes that run."""
    store = EmbeddedStore(home / "xmit.duckdb")
    try:
        with store.snapshot() as connection:
            return rows_as_dicts(connection, query)
    finally:
        store.close()


def runs(home: Path) -> Counter[dg.DagsterRunStatus]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        return Counter(record.dagster_run.status for record in instance.get_run_records())


def mails(sandbox: RunningSandbox) -> Counter[tuple[str, str]]:
    """How often each address got each mail: the truth on the other side, which outlived everything."""
    return Counter((mail.to, mail.subject) for mail in sandbox.mailbox.page(limit=1000).mails)


def test_killed_amid_a_tick_the_next_minutes_send_on(home: Path, sandbox: RunningSandbox):
    """SPEC 6.6, 6.7; DESIGN 6: what was in flight is unknown, all else goes, and the zombie run stops nothing."""
    put_in_people(home)
    sandbox.faults.order([SLOW])
    with started(home, SENDGRID_HOST=sandbox.url) as first:
        wait_for(lambda: sandbox.mailbox.acceptances, MINUTE_AND_RUN)
        first.kill_everything()
    assert runs(home) == {dg.DagsterRunStatus.STARTED: 1}
    [flying] = rows(home, "SELECT count(*) AS requests FROM request WHERE state = 'inflight'")
    assert flying["requests"] == SEQUENCES

    sandbox.faults.order([])
    with started(home, SENDGRID_HOST=sandbox.url):
        done = "SELECT count(*) AS n FROM enrollment WHERE status = 'completed'"
        unknown = "SELECT count(*) AS n FROM message WHERE state = 'unknown'"
        wait_for(lambda: rows(home, unknown)[0]["n"], MINUTE_AND_RUN)
        [left] = rows(home, unknown)
        wait_for(lambda: rows(home, done)[0]["n"] == SEQUENCES * PEOPLE - left["n"], 2 * MINUTE_AND_RUN)
        wait_for(lambda: runs(home)[dg.DagsterRunStatus.SUCCESS] >= 2, MINUTE_AND_RUN)

    assert 0 < left["n"] <= AT_A_TIME * PEOPLE
    assert rows(home, unknown) == [left]
    got = mails(sandbox)
    assert set(got.values()) == {1}
    sent = rows(home, """
        SELECT email, step.subject, message.state FROM message JOIN step ON step.id = message.step_id
    """)  # fmt: skip
    told = {state: {(row["email"], row["subject"]) for row in sent if row["state"] == state}
            for state in ("sent", "unknown")}  # fmt: skip
    assert len(told["sent"]) == 2 * (SEQUENCES * PEOPLE - left["n"])
    assert told["sent"] <= set(got) <= told["sent"] | told["unknown"]
    store = EmbeddedStore(home / "xmit.duckdb")
    with store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
    store.close()
