"""`xmit up` for real: its processes, a scheduled run that sends by itself, and an end that leaves nobody.

Everything here happens in the wall clock's time: a run waits for the next whole minute.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import pytest

from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import enrollments, senders, sequences, steps
from xmit_pipeline.store.connection import EmbeddedStore, rows_as_dicts

XMIT = [sys.executable, "-m", "xmit_pipeline.cli"]
READY_SECONDS = 90
MINUTE_AND_RUN = 100
"""To the next whole minute, and a run on a busy machine."""
END_SECONDS = 40
SCHEDULE_STATE = """
query {
    scheduleOrError(scheduleSelector: {
        repositoryLocationName: "xmit_pipeline", repositoryName: "__repository__", scheduleName: "every_minute"
    }) { ... on Schedule { scheduleState { id } } }
}
"""
SWITCH_OFF = "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }"


@dataclass(frozen=True)
class Up:
    """The process, its home and its ports; what it wrote for the eye is in `said`."""

    process: subprocess.Popen[bytes]
    home: Path
    dagster: str
    api: str
    sandbox: str
    said: Path

    def family(self) -> set[int]:
        """Every process that descends from it, itself left out."""
        return descendants(self.process.pid)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def descendants(pid: int) -> set[int]:
    lines = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, lines.splitlines())}
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def wait_for(what: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


def fetched(url: str | urllib.request.Request) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (our own loopback address)
        body = answer.read()
    return orjson.loads(body) if body.startswith(b"{") else body.decode()


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@contextmanager
def started(home: Path) -> Generator[Up]:
    """Up and ready; killed with all its family at the end, whatever the test did."""
    dagster, api, sandbox = free_ports(3)
    said = home.parent / f"{home.name}.txt"
    unset = ("SENDGRID_API_KEY", "SENDGRID_HOST", "XMIT_DATABASE", "XMIT_PUBLIC_URL", "XMIT_SECRET")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    options = ["--dagster-port", str(dagster), "--api-port", str(api), "--sandbox-port", str(sandbox)]
    with said.open("wb") as stream:
        process = subprocess.Popen(
            [*XMIT, "up", *options], env={**environment, "XMIT_HOME": str(home)}, stdout=stream, stderr=stream
        )
    up = Up(process, home, _url(dagster), _url(api), _url(sandbox), said)
    try:
        wait_for(lambda: "Ready" in said.read_text() or process.poll() is not None, READY_SECONDS)
        assert process.poll() is None, said.read_text()
        yield up
    finally:
        family = up.family()
        process.kill()
        process.wait()
        for pid in family:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


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
        enrollments.enroll_contacts(connection, sequence_id, [row["id"]], now, "manual")
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


def test_doctor_in_another_shell_finds_it_well(up: Up):
    """It looks at the addresses of what runs, though its own environment names none of them."""
    said = doctor_of(up.home)
    for finding in (f"{up.sandbox} answers", f"{up.api} answers", "its daemon lives", "1 sent", "all hold"):
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
