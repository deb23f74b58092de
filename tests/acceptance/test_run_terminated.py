"""A run ended in Dagster's page amid its posts: the next minute goes on, and nobody is doubled (SPEC 6.7, 6.9)."""

import urllib.request
from pathlib import Path
from typing import Any

import dagster as dg
import orjson

from tests.acceptance.running_up import END_SECONDS, MINUTE_AND_RUN, Up, fetched, started, wait_for
from tests.acceptance.test_death_of_everything import AT_A_TIME, PEOPLE, SEQUENCES, mails, put_in_people, rows
from xmit_pipeline.sandbox.faults import DelayFault
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store import invariants
from xmit_pipeline.store.connection import EmbeddedStore

SLOW = DelayFault(kind="delay", seconds=4, count=SEQUENCES)
TERMINATE = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
EVERYBODY = SEQUENCES * PEOPLE


def terminate(up: Up, run_id: str) -> str:
    """As the button of the run's page does it; answers the kind of Dagster's answer."""
    body = orjson.dumps({"query": TERMINATE, "variables": {"id": run_id}})
    request = urllib.request.Request(  # noqa: S310  (our own loopback address)
        f"{up.dagster}/graphql", body, {"Content-Type": "application/json"}
    )
    return fetched(request)["data"]["terminateRun"]["__typename"]


def statuses(home: Path) -> dict[str, dg.DagsterRunStatus]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        return {run.dagster_run.run_id: run.dagster_run.status for run in instance.get_run_records()}


def first_steps(home: Path) -> dict[str, int]:
    """Messages of the first steps, by state."""
    found: list[dict[str, Any]] = rows(home, """
        SELECT message.state, count(*) AS n FROM message JOIN step ON step.id = message.step_id
        WHERE step.position = 1 GROUP BY message.state
    """)  # fmt: skip
    return {row["state"]: row["n"] for row in found}


def test_a_run_ended_in_the_page_loses_nobody(home: Path, sandbox: RunningSandbox):
    """What had its answer is sent, what was on the wire is unknown at worst, and the rest goes a minute later."""
    put_in_people(home)
    sandbox.faults.order([SLOW])
    with started(home, SENDGRID_HOST=sandbox.url) as up:
        wait_for(lambda: sandbox.mailbox.acceptances, MINUTE_AND_RUN)
        [run_id] = statuses(home)
        warm = [command for command in up.commands() if "multiprocessing.forkserver" in command]
        assert len(warm) == 2, "the run is no fork of the process that has imported Dagster"
        assert terminate(up, run_id) == "TerminateRunSuccess"
        wait_for(lambda: statuses(home)[run_id] is not dg.DagsterRunStatus.CANCELING, END_SECONDS)
        sandbox.faults.order([])
        wait_for(lambda: sum(first_steps(home).get(state, 0) for state in ("sent", "unknown")) == EVERYBODY,
            2 * MINUTE_AND_RUN)  # fmt: skip
        ended = first_steps(home)
    assert set(ended) <= {"sent", "unknown"}
    assert ended.get("unknown", 0) <= AT_A_TIME * PEOPLE
    assert set(mails(sandbox).values()) == {1}
    store = EmbeddedStore(home / "xmit.duckdb")
    with store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
    store.close()
