"""The job `tick` over a real store and the sandbox: what it sends, and what its assets show."""

import os
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from tests.campaigns import START, World
from tests.integration.dagster.conftest import Pipeline, metadata_of
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.delivery.tick import tick_lock
from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.model.warmup import next_midnight

COUNTS = {"claimed", "sent", "skipped", "failed", "unknown", "deferred"}
PHASES = {"recover", "plan", "objections", "claim", "render", "last_look", "post", "settle"}


def test_run_sends_what_is_due(world: World, pipeline: Pipeline):
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    result = pipeline(START)
    shown = metadata_of(result, "sent_messages")
    assert {name: shown[name] for name in COUNTS} == {**dict.fromkeys(COUNTS, 0), "claimed": 3, "sent": 3}
    assert sorted(world.delivered().values()) == [1, 1, 1]


NOTHING_LANDED = {
    "landed_rows": 0, "landed_refused": 0, "landed_files": "No file had landed.", "note": "none",
}  # fmt: skip


def test_every_asset_shows_its_figures(world: World, pipeline: Pipeline):
    """DESIGN 6: counts, a table per step, oldest overdue, seconds per phase."""
    world.domain(warmup_on=True, pacing=False, table=[2])
    world.enroll(world.sequence(), world.people(3))
    result = pipeline(START + timedelta(minutes=10))
    shown = {asset: metadata_of(result, asset) for asset in (
        "contacts", "lists", "sequences", "enrollments", "warmup_quotas", "due_sends", "sent_messages", "step_metrics",
    )}  # fmt: skip
    assert shown["contacts"] == {"dagster/row_count": 3, "active": 3, **NOTHING_LANDED}
    assert shown["lists"] == {"dagster/row_count": 0, "lists": 0, "members": 0, "ledger": 0, **NOTHING_LANDED}
    assert shown["sequences"] == {"dagster/row_count": 1, "active": 1}
    assert shown["enrollments"] == {"dagster/row_count": 3, "active": 3, "enrolled_by_ledger": 0}
    assert shown["warmup_quotas"] | {"domains": ""} == {
        "dagster/row_count": 1, "places_left": 2, "completed_now": "none", "domains": "",
    }  # fmt: skip
    assert shown["due_sends"] | {"due": ""} == {
        "dagster/row_count": 3, "deferred": 1, "oldest_overdue_seconds": 600, "due": "",
    }  # fmt: skip
    assert set(shown["sent_messages"]) == COUNTS | {"released", "recovered", "note", "still_due"} | {
        f"seconds_{each}" for each in PHASES
    }
    assert shown["step_metrics"] | {"steps": ""} == {
        "dagster/row_count": 1, "steps_counted_anew": 1, "sent_in_all": 2, "delivered_in_all": 0, "steps": "",
    }  # fmt: skip


def test_tables_name_step_wall_and_time(world: World, pipeline: Pipeline):
    """PAINS H6: a deferral says which wall and until when."""
    world.domain(warmup_on=True, pacing=False, table=[2])
    world.enroll(world.sequence(), world.people(3))
    result = pipeline(START)
    assert metadata_of(result, "sent_messages")["still_due"].splitlines()[2:] == [
        f"| step 1 | 1 | 1 | warmup_day | {next_midnight(START):%d %b %H:%M UTC} |"
    ]
    assert metadata_of(result, "step_metrics")["steps"].splitlines()[2:] == [
        f"| Welcome | 1 | step 1 | 2 |{' 0 |' * 16}"
    ]


def test_run_with_nothing_due_still_materializes(world: World, pipeline: Pipeline):
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    pipeline(START)
    again = pipeline(START + timedelta(minutes=1))
    assert again.success
    assert metadata_of(again, "due_sends") == {
        "dagster/row_count": 0, "deferred": 0, "oldest_overdue_seconds": 0, "due": "Nobody is due.",
    }  # fmt: skip
    assert metadata_of(again, "sent_messages")["still_due"] == "Nobody is left waiting."
    assert len(world.delivered()) == 3


def test_run_on_a_new_home_materializes(pipeline: Pipeline):
    result = pipeline()
    assert result.success
    assert metadata_of(result, "step_metrics")["steps"] == "No sequence has started yet."


def test_run_config_decides_the_time(world: World, pipeline: Pipeline):
    """SPEC 6.10: simulated only where the run's config says so, a flag beside the time."""
    result = pipeline(START)
    [tick] = world.rows("SELECT id, moment, simulated FROM tick")
    assert tick == {"id": result.run_id, "moment": START, "simulated": True}


def test_run_without_config_goes_by_the_wall_clock(world: World, pipeline: Pipeline):
    before = datetime.now(UTC)
    pipeline()
    [tick] = world.rows("SELECT moment, simulated FROM tick")
    assert not tick["simulated"]
    assert before <= tick["moment"] <= datetime.now(UTC)


def test_run_refuses_simulated_time_off_the_sandbox(
    world: World, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
):
    """SPEC 6.10: no simulated mail to people; the run says why and leaves everybody where they were."""
    world.domain()
    world.enroll(world.sequence(), world.people(2))
    monkeypatch.setenv("SENDGRID_HOST", "https://api.sendgrid.com")
    shown = metadata_of(pipeline(START), "sent_messages")
    assert (shown["claimed"], shown["deferred"]) == (0, 2)
    assert "loopback SENDGRID_HOST" in shown["note"]
    assert world.delivered() == {}


def test_run_stands_aside_for_a_live_tick(world: World, pipeline: Pipeline):
    """SPEC 6.9: two at once; the second does nothing, with its reason."""
    world.domain()
    world.enroll(world.sequence(), world.people(2))
    with tick_lock(world.settings):
        shown = metadata_of(pipeline(START), "sent_messages")
    assert shown["claimed"] == 0
    assert "Another tick" in shown["note"]
    assert world.delivered() == {}


def test_run_fails_with_the_stores_sentence(world: World, pipeline: Pipeline):
    """SPEC 9: a file that is not ours is refused with a sentence, not touched."""
    world.settings.database.write_text("not a database")
    with pytest.raises(StoreRefused, match="left untouched"):
        pipeline(START)
    assert world.settings.database.read_text() == "not a database"


def test_run_uses_one_process(world: World, monkeypatch: pytest.MonkeyPatch):
    """DESIGN 6: executed as a launched run is, through the job's own executor."""
    monkeypatch.setenv("SENDGRID_HOST", world.sandbox.url)
    world.store.close()
    with dg.DagsterInstance.local_temp() as instance:
        result = dg.execute_job(dg.reconstructable(tick_job), instance=instance)
        lines = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert result.success
    assert [line for line in lines if "pid" in line and f"(pid: {os.getpid()})" not in line] == []
    assert any(line.startswith("Finished steps in process") for line in lines)


def tick_job() -> dg.JobDefinition:
    """Where a run finds the job again."""
    return build_defs().resolve_job_def("tick")
