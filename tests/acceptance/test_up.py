"""`xmit up` for real: its processes, a scheduled run that sends by itself, and an end that leaves nobody.

Everything here happens in the wall clock's time: a run waits for the next whole minute.
"""

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import pytest

from tests.acceptance.running_up import (
    END_SECONDS,
    MINUTE_AND_RUN,
    XMIT,
    Up,
    alive,
    fetched,
    free_ports,
    started,
    wait_for,
)
from tests.campaigns import enroll_into
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import senders, sequences, steps
from xmit_pipeline.store.connection import EmbeddedStore, rows_as_dicts

SCHEDULE_STATE = """
query {
    scheduleOrError(scheduleSelector: {
        repositoryLocationName: "xmit_pipeline", repositoryName: "__repository__", scheduleName: "every_minute"
    }) { ... on Schedule { scheduleState { id } } }
}
"""
CONFIG_AS_GIVEN = """
query {
    runConfigSchemaOrError(mode: "default", selector: {
        repositoryLocationName: "xmit_pipeline", repositoryName: "__repository__", pipelineName: "tick"
    }) {
        ... on RunConfigSchema {
            rootDefaultYaml
            allConfigTypes { ... on CompositeConfigType { fields { name description } } }
        }
    }
}
"""
LAUNCH = """
mutation ($config: RunConfigData!) {
    launchPipelineExecution(executionParams: {
        mode: "default", runConfigData: $config, selector: {
            repositoryLocationName: "xmit_pipeline", repositoryName: "__repository__", pipelineName: "tick"
        }
    }) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
SWITCH_OFF = "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests of this module, in their order; the last of them ends it."""
    with started(tmp_path_factory.mktemp("up") / "home") as running:
        yield running


def put_in_one_person(home: Path) -> None:
    """As the API does it, from another process than those that run."""
    now, store = datetime.now(UTC), EmbeddedStore(home / "xmit.duckdb")
    with store.transaction() as connection:
        domain_id = senders.add_domain(connection, "example.com", now, verified=True)
        senders.add_sender(connection, domain_id, "hello@example.com", now)
        sequence_id = sequences.create_sequence(
            connection, now, name="Welcome", trigger_type=TriggerType.MANUAL
        )
        steps.add_step(
            connection, sequence_id, now, name="Hello", subject="Hi {{ firstName }}", body_html="<p>Hello</p>",
            delay_amount=0, delay_unit=DelayUnit.DAYS,
        )  # fmt: skip
        sequences.activate(connection, sequence_id, now)
        [row] = rows_as_dicts(
            connection,
            "INSERT INTO contact (id, email, first_name, metadata, status, created_at, updated_at) "
            "VALUES (uuidv7(), 'ada@example.net', 'Ada', '{}', 'active', $now, $now) RETURNING id",
            {"now": now},
        )
        enroll_into(connection, sequence_id, [row["id"]], now)
    store.close()


def doctor_of(home: Path) -> str:
    """What `xmit doctor` says in a shell that knows only the home."""
    environment = {**os.environ, "XMIT_HOME": str(home)}
    return subprocess.run(
        [*XMIT, "doctor"], env=environment, capture_output=True, text=True, check=True
    ).stdout


def asked(up: Up, question: str, **variables: str) -> Any:
    """Dagster's answer, as its own page gets it."""
    body = orjson.dumps({"query": question, "variables": variables})
    request = urllib.request.Request(  # noqa: S310  (our own loopback address)
        f"{up.dagster}/graphql", data=body, headers={"Content-Type": "application/json"}
    )
    return fetched(request)["data"]


def test_every_part_answers(up: Up):
    """SPEC 10: Dagster, the API, and the sandbox where no SendGrid key is set."""
    assert fetched(f"{up.dagster}/server_info")["dagster_webserver_version"]
    assert fetched(f"{up.api}/healthz") == {"status": "ok"}
    assert "<html" in fetched(up.sandbox)


def test_second_up_on_one_home_is_refused(up: Up):
    ports = [str(port) for port in free_ports(3)]
    options = [
        part
        for pair in zip(("--dagster-port", "--api-port", "--sandbox-port"), ports, strict=True)
        for part in pair
    ]
    second = subprocess.run(
        [*XMIT, "up", *options],
        env={**os.environ, "XMIT_HOME": str(up.home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 1
    assert f"works on {up.home}" in second.stderr


def test_scheduled_run_sends_by_itself(up: Up):
    """The schedule is on from the first start: one mail goes out, and nobody asked for a tick."""
    put_in_one_person(up.home)
    wait_for(lambda: fetched(f"{up.sandbox}/_sandbox/stats")["messages"] == 1, MINUTE_AND_RUN)
    with dg.DagsterInstance.from_config(str(up.home / "dagster")) as instance:
        wait_for(lambda: instance.get_run_records()[-1].dagster_run.is_finished, END_SECONDS)
        record = instance.get_run_records()[-1]
    assert record.dagster_run.status == dg.DagsterRunStatus.SUCCESS
    assert record.dagster_run.tags["dagster/schedule_name"] == "every_minute"
    [mail] = fetched(f"{up.sandbox}/_sandbox/messages?to=ada@example.net")["messages"]
    assert mail["subject"] == "Hi Ada"


def test_run_launched_by_hand_succeeds(up: Up):
    """As the launchpad does it: with the configuration that it offers, each field of which says what it is for."""
    offered = asked(up, CONFIG_AS_GIVEN)["runConfigSchemaOrError"]
    described = {
        field["name"]: field["description"]
        for config_type in offered["allConfigTypes"]
        for field in config_type.get("fields", [])
    }
    assert "simulated moment" in described["now"]
    launched = asked(up, LAUNCH, config=offered["rootDefaultYaml"])["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess"
    with dg.DagsterInstance.from_config(str(up.home / "dagster")) as instance:

        def ended() -> dg.DagsterRun | None:
            run = instance.get_run_by_id(launched["run"]["runId"])
            return run if run and run.is_finished else None

        wait_for(ended, MINUTE_AND_RUN)
        assert (run := ended()) is not None
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert "dagster/schedule_name" not in run.tags


def test_doctor_in_another_shell_finds_it_well(up: Up):
    """It looks at the addresses of what runs, though its own environment names none of them."""
    said = doctor_of(up.home)
    for finding in (f"{up.sandbox} answers", f"{up.api} answers", "its daemon lives", " sent", "all hold"):
        assert finding in said


def test_schedule_switched_off_is_named(up: Up):
    """PAINS C9: somebody clicked it off in Dagster's page; mail would wait in silence."""
    found = asked(up, SCHEDULE_STATE)["scheduleOrError"]["scheduleState"]
    asked(up, SWITCH_OFF, id=found["id"])
    assert "Switch every_minute on" in doctor_of(up.home)


def test_interrupt_leaves_nobody_behind(up: Up):
    """SPEC 10: Ctrl-C ends all: no process, no taken port, and no traceback on the way."""
    family = up.family()
    assert len(family) >= 5
    assert up.end(signal.SIGINT) == 0
    assert [pid for pid in family if alive(pid)] == []
    for url in (up.dagster, up.api, up.sandbox):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(url.rpartition(":")[2])))
    told = up.said.read_text()
    assert told.endswith("All ended.\n")
    assert "Traceback" not in told
    assert len(told.splitlines()) < 20


def test_death_of_one_part_ends_all(tmp_path: Path):
    """A daemon that died in silence would stop all sending: the rest ends too, and says whose fault it was."""
    with started(tmp_path / "home") as up:
        family = up.family()
        commands = subprocess.run(
            ["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True
        ).stdout
        [daemon] = [
            pid
            for line in commands.splitlines()
            if "dagster._daemon" in line and (pid := int(line.split()[0])) in family
        ]
        os.kill(daemon, signal.SIGKILL)
        assert up.process.wait(END_SECONDS) == 1
        assert "Dagster's daemon ended by itself" in up.said.read_text()
        assert [pid for pid in family if alive(pid)] == []
