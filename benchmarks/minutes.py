"""`xmit up` in the wall clock's time, with mail due each minute: how long after the minute its run has succeeded."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.figures import report
from xmit_pipeline.cli.dagster_home import prepared_home
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store import senders, sequences, steps
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.enroll_group import EnrollWish, enroll_group

MINUTES = 10
PEOPLE = 100
SCHEDULED_AT = ".dagster/scheduled_execution_time"
ENDING_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds from a schedule's minute until its run was made, began, and had succeeded."""

    made: float
    began: float
    succeeded: float


def enroll_for_minutes(settings: Settings, count: int) -> None:
    """People in a sequence of one-minute steps: after each post there is work for the next minute."""
    now, store = datetime.now(UTC), EmbeddedStore(settings.database)
    with store.transaction() as connection:
        domain = senders.add_domain(connection, "bench.example", now, verified=True)
        senders.add_sender(connection, domain, "hello@bench.example", now)
        sequence = sequences.create_sequence(connection, now, name="Minutes", trigger_type=TriggerType.MANUAL)
        for number in range(count):
            steps.add_step(
                connection, sequence, now, name=f"minute {number}", subject="Hi {{ firstName }}",
                body_html="<p>Hello</p>", delay_amount=1, delay_unit=DelayUnit.MINUTES,
            )  # fmt: skip
        sequences.activate(connection, sequence, now)
        people = connection.execute(
            "INSERT INTO contact (id, email, first_name, metadata, status, created_at, updated_at) "
            "SELECT uuidv7(), 'person' || i || '@example.com', 'Name', '{}', 'active', $now, $now "
            "FROM range($people) AS series(i) RETURNING id",
            {"now": now, "people": PEOPLE},
        ).fetchall()
        enroll_group(connection, [EnrollWish(sequence, [row[0] for row in people])], now)
    store.close()


@contextmanager
def everything_up(home: Path) -> Generator[None]:
    """`xmit up` on free ports, ready; ended as Ctrl-C ends it."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    dagster, api, sandbox = (str(probe.getsockname()[1]) for probe in probes)
    for probe in probes:
        probe.close()
    ports = ["--dagster-port", dagster, "--api-port", api, "--sandbox-port", sandbox]
    unset = ("SENDGRID_API_KEY", "SENDGRID_HOST", "XMIT_DATABASE", "XMIT_PUBLIC_URL", "XMIT_SECRET")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    said = home / "said.txt"
    with said.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "xmit_pipeline.cli", "up", *ports],
            env={**environment, "XMIT_HOME": str(home)},
            stdout=stream,
            stderr=stream,
        )
    try:
        while "Ready" not in said.read_text():
            assert process.poll() is None, said.read_text()
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(ENDING_SECONDS)


def scheduled_runs(settings: Settings) -> list[Lateness]:
    """How late each succeeded run of the schedule was, by Dagster's own records."""
    with dg.DagsterInstance.from_config(str(prepared_home(settings))) as instance:
        records = instance.get_run_records(
            dg.RunsFilter(job_name="tick", statuses=[dg.DagsterRunStatus.SUCCESS])
        )
    found: list[Lateness] = []
    for record in records:
        minute = datetime.fromisoformat(record.dagster_run.tags[SCHEDULED_AT]).timestamp()
        assert record.start_time is not None
        assert record.end_time is not None
        made = record.create_timestamp.replace(tzinfo=UTC).timestamp()
        found.append(Lateness(made - minute, record.start_time - minute, record.end_time - minute))
    return found


def run(minutes: int = MINUTES) -> None:
    """All figures of this module; takes so many minutes and one more."""
    with TemporaryDirectory(prefix="xmit-bench-") as folder:
        settings = read_settings({"XMIT_HOME": folder})
        enroll_for_minutes(settings, minutes + 2)
        with everything_up(Path(folder)):
            first = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
            last_is_over = first + timedelta(minutes=minutes - 1, seconds=55)
            time.sleep((last_is_over - datetime.now(UTC)).total_seconds())
        runs = scheduled_runs(settings)
    report("minutes whose run has succeeded", len(runs) / minutes, "of 1", limit=1, better="higher")
    succeeded = sorted(run.succeeded for run in runs)
    report("minute to succeeded run, median", statistics.median(succeeded), "s", limit=5, better="lower")
    nine_of_ten = succeeded[max(0, len(runs) * 9 // 10 - 1)]
    report("minute to succeeded run, 9 of 10", nine_of_ten, "s", limit=10, better="lower")
    made, began = (statistics.median(getattr(run, name) for run in runs) for name in ("made", "began"))
    load = [round(average, 1) for average in os.getloadavg()]
    print({"runs": len(runs), "made": round(made, 2), "began": round(began, 2), "load": load}, flush=True)
