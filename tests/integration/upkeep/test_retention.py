"""Dagster's history stays bounded: finished runs of days past are deleted, their pages used again (DESIGN 6)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from xmit_pipeline.cli.dagster_home import prepared_home
from xmit_pipeline.defs.retention import prune_runs
from xmit_pipeline.model.settings import read_settings


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(
        str(prepared_home(read_settings({"XMIT_HOME": str(home)})))
    ) as opened:
        yield opened


def seed_runs(
    instance: dg.DagsterInstance, count: int, status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS
) -> None:
    """Run records as a minute's tick leaves them, every tenth with an event: each event's file takes its time."""
    for number in range(count):
        run = create_run_for_test(instance, job_name="tick", status=status)
        if number % 10 == 0:
            instance.report_engine_event("finished", run)


def history_bytes(instance: dg.DagsterInstance) -> int:
    return sum(file.stat().st_size for file in Path(instance.root_directory).rglob("*.db"))


def test_two_thousand_finished_runs_are_deleted(instance: dg.DagsterInstance):
    seed_runs(instance, 2_000)
    assert prune_runs(instance, datetime.now(UTC) + timedelta(seconds=1), at_most=5_000) == 2_000
    assert instance.get_runs_count() == 0


def test_pages_of_deleted_runs_are_used_again(instance: dg.DagsterInstance):
    seed_runs(instance, 200)
    prune_runs(instance, datetime.now(UTC) + timedelta(seconds=1), at_most=5_000)
    before = history_bytes(instance)
    seed_runs(instance, 200)
    assert history_bytes(instance) <= before * 1.15


def test_recent_and_unfinished_runs_stay(instance: dg.DagsterInstance):
    seed_runs(instance, 2)
    seed_runs(instance, 1, dg.DagsterRunStatus.STARTED)
    assert prune_runs(instance, datetime.now(UTC) - timedelta(days=1), at_most=10) == 0
    assert prune_runs(instance, datetime.now(UTC) + timedelta(seconds=1), at_most=10) == 2
    assert instance.get_runs_count() == 1


def test_one_go_deletes_no_more_than_it_may(instance: dg.DagsterInstance):
    seed_runs(instance, 5)
    assert prune_runs(instance, datetime.now(UTC) + timedelta(seconds=1), at_most=3) == 3
