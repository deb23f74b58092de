"""The graph that Dagster loads, written out: a change of it is a change of this file."""

import subprocess
import sys

import dagster as dg
import pytest

from tests.campaigns import START, World
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.resources import StoreResource

# asset: its group, what it reads, its kinds
ASSETS = {
    "delivery_events": ("feedback", set(), {"duckdb", "parquet"}),
    "suppressions": ("feedback", {"delivery_events"}, {"duckdb"}),
    "contacts": ("audience", {"suppressions"}, {"duckdb"}),
    "lists": ("audience", {"contacts"}, {"duckdb"}),
    "sequences": ("audience", set(), {"duckdb"}),
    "enrollments": ("sending", {"contacts", "lists", "sequences", "reengagement_enrollments"}, {"duckdb"}),
    "warmup_quotas": ("sending", {"suppressions"}, {"duckdb"}),
    "due_sends": ("sending", {"enrollments", "warmup_quotas"}, {"duckdb"}),
    "sent_messages": ("sending", {"due_sends"}, {"duckdb", "sendgrid"}),
    "unknown_messages": ("sending", {"sent_messages"}, {"duckdb"}),
    "step_metrics": ("feedback", {"sent_messages"}, {"duckdb"}),
    "event_days": ("rebuild", set(), {"duckdb", "parquet"}),
    "webhook_deliveries": ("feedback", {"step_metrics"}, {"duckdb"}),
    "contact_engagement": ("reengagement", {"delivery_events"}, {"duckdb"}),
    "dormant_contacts": ("reengagement", {"contacts", "contact_engagement"}, {"duckdb"}),
    "reengagement_enrollments": ("reengagement", {"dormant_contacts", "sequences"}, {"duckdb"}),
    "step_metrics_daily": ("rebuild", {"step_metrics"}, {"duckdb"}),
}
JOBS = {"tick", "check_everything", "prune_history", "suppression_sync", "settle_unknown", "reengage"}
RUNNING = dg.DefaultScheduleStatus.RUNNING
SCHEDULES = {
    "every_minute": ("* * * * *", "UTC", "tick", RUNNING),
    "every_hour": ("17 * * * *", "UTC", "check_everything", RUNNING),
    "every_night": ("23 3 * * *", "UTC", "prune_history", RUNNING),
    "hourly_suppression_sync": ("41 * * * *", "UTC", "suppression_sync", RUNNING),
}
ASIDE = {
    "unknown_messages", "event_days", "dormant_contacts", "reengagement_enrollments", "step_metrics_daily",
}  # fmt: skip
"""What jobs of their own, or people, run."""
EACH_TICK = {"conservation", "nobody_twice", "quota_kept"}
"""Checks that every tick makes; all others are hourly."""
CHECKS = {
    "contacts": {"one_contact_per_address"},
    "enrollments": {
        "an_active_enrollment_is_due_or_has_an_open_message_never_both",
        "an_ended_enrollment_owes_nothing",
        "one_enrollment_per_contact_and_sequence",
    },
    "warmup_quotas": {"a_domain_keeps_within_its_warmup_day"},
    "sent_messages": {
        *EACH_TICK,
        "a_message_was_never_posted_again_while_it_may_have_been_taken",
        "a_requests_size_is_the_number_of_its_attempts_that_stayed",
        "a_sent_message_has_an_accepted_request",
        "an_open_message_stands_in_an_open_request",
        "one_message_per_enrollment_and_step",
    },
    "step_metrics": {"metrics_equal_a_rebuild", "unique_is_at_most_delivered_and_delivered_at_most_sent"},
}
SENSORS = {"reengagement_sequences": 60, "ticks_fail": 30, "trouble": 60}
"""Each with the seconds between its looks; all run from the first start."""
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def test_definitions_load():
    dg.Definitions.validate_loadable(build_defs())


def test_assets_and_lineage_are_these():
    """DESIGN 1: the way of the data."""
    found = {
        spec.key.to_user_string(): (
            spec.group_name,
            {dep.asset_key.to_user_string() for dep in spec.deps},
            set(spec.kinds),
        )
        for spec in build_defs().resolve_all_asset_specs()
    }
    assert found == ASSETS


def test_every_asset_is_owned_and_described():
    for spec in build_defs().resolve_all_asset_specs():
        assert spec.owners
        assert len((spec.description or "").split()) > 5


def test_jobs_and_schedules_are_these():
    repository = build_defs().get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    schedules = {
        schedule.name: (
            schedule.cron_schedule,
            schedule.execution_timezone,
            schedule.job_name,
            schedule.default_status,
        )
        for schedule in repository.schedule_defs
    }
    assert (jobs, schedules) == (JOBS, SCHEDULES)


def test_checks_stand_on_these_pages():
    """DESIGN 6: the invariants on live data; outside the tick, for what they read grows."""
    keys = build_defs().get_repository_def().asset_graph.asset_check_keys
    found: dict[str, set[str]] = {}
    for key in keys:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    assert found == CHECKS


def test_sensors_are_these_and_run():
    sensors = build_defs().get_repository_def().sensor_defs
    assert {sensor.name: sensor.minimum_interval_seconds for sensor in sensors} == SENSORS
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_a_run_of_the_checks_passes_on_a_sound_store(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.tick(START)
    world.store.close()
    result = build_defs().resolve_job_def("check_everything").execute_in_process()
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == sum(map(len, CHECKS.values())) - len(EACH_TICK)
    assert all(evaluation.passed for evaluation in evaluations)


def test_tick_holds_every_asset_in_one_process():
    """DESIGN 6: the default executor would start a process an asset, and use up half of the minute."""
    job = build_defs().resolve_job_def("tick")
    assert job.executor_def is dg.in_process_executor
    assert {node.name for node in job.nodes} == set(ASSETS) - ASIDE


def test_nothing_that_sends_is_retried_by_dagster():
    """DESIGN 6: retries belong to the next tick; SPEC 6: nobody twice."""
    job = build_defs().resolve_job_def("tick")
    assert job.op_retry_policy is None
    assert [
        node.definition.retry_policy for node in job.nodes if isinstance(node.definition, dg.OpDefinition)
    ] == [None] * len(set(ASSETS) - ASIDE)
    assert not any(tag.startswith("dagster/max_retries") for tag in job.tags)


@pytest.mark.parametrize("job", sorted(JOBS))
def test_runs_print_only_what_went_wrong(job: str):
    found = build_defs().resolve_job_def(job)
    partitioned = found.partitioned_config
    assert (partitioned.get_run_config_for_partition_key("any") if partitioned else found.run_config) == QUIET


def test_overridden_resources_replace_ours():
    store = StoreResource()
    assert build_defs(resource_overrides={"store": store}).resources == {
        **(build_defs().resources or {}),
        "store": store,
    }


def test_definitions_import_no_web_framework():
    """DESIGN 6: everything the definitions import is paid in every run."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, xmit_pipeline.definitions; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"fastapi", "starlette", "uvicorn", "typer", "xmit_pipeline.api"} & set(loaded)
