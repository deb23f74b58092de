"""One `dagster.yaml`, two places: `.dagster` for a bare `dagster dev`, `$XMIT_HOME/dagster` for `xmit` (SPEC 10)."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from xmit_pipeline.cli.dagster_home import PROJECT, prepared_home
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.model.settings import read_settings

DATABASES = {"history/runs.db", "history/event_log.db", "schedules/schedules.db"}


def run_tick_in(instance: dg.DagsterInstance) -> None:
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    build_defs().resolve_job_def("tick").execute_in_process(run_config=config, instance=instance)
    instance.all_instigator_state()


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_bare_form_keeps_history_beside_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As `dagster dev` reads it: from the current folder, without DAGSTER_HOME."""
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", clone)
    monkeypatch.chdir(clone)
    with dg.DagsterInstance.from_config(str(clone)) as instance:
        run_tick_in(instance)
    assert files_in(clone) == {"dagster.yaml", *(f".dagster/{name}" for name in DATABASES)}


def test_moved_form_keeps_history_in_the_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing lands where the command was called."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with dg.DagsterInstance.from_config(str(prepared_home(read_settings()))) as instance:
        run_tick_in(instance)
    assert files_in(home / "dagster") == {"dagster.yaml", *DATABASES}
    assert files_in(elsewhere) == set()


def test_history_of_one_run_is_kept():
    """The next command, another process, finds what the one before did."""
    with dg.DagsterInstance.from_config(str(prepared_home(read_settings()))) as instance:
        run_tick_in(instance)
    with dg.DagsterInstance.from_config(str(prepared_home(read_settings()))) as instance:
        [record] = instance.get_run_records()
    assert record.dagster_run.status == dg.DagsterRunStatus.SUCCESS


def test_unchanged_file_is_not_written_again(home: Path):
    """A daemon may be reading it at this moment."""
    path = prepared_home(read_settings()) / "dagster.yaml"
    before = path.stat().st_mtime_ns
    prepared_home(read_settings())
    assert path.stat().st_mtime_ns == before
    assert files_in(home / "dagster") == {"dagster.yaml"}


def test_instance_is_set_up_for_a_run_a_minute():
    """DESIGN 6: the queue is looked at each second, dead runs are tidied, no reports to anybody."""
    with dg.DagsterInstance.from_config(str(prepared_home(read_settings()))) as instance:
        assert instance.run_coordinator.inst_data.config_dict["dequeue_interval_seconds"] == 1  # pyright: ignore
        assert instance.run_monitoring_max_runtime_seconds == 900
        assert instance.telemetry_enabled is False
        assert instance.run_retries_enabled is False
