"""Re-engagement through Dagster: partitions, their config and metadata, and the sensor that keeps them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from tests.campaigns import World
from tests.integration.reengagement.lapsed import NOW, enrolled, lapsed, tell
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.reengagement import GRID, MONTHS, SEQUENCES_NAME, reengagement_sequences
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.store import sequences
from xmit_pipeline.store.reengaged import partition_key, sequence_of

CLOCK = {"clock": {"config": {"now": NOW.isoformat()}}}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def materialized(
    world: World, instance: dg.DagsterInstance, asset: str, key: str, *, succeeds: bool = True, **config: Any
) -> dg.ExecuteInProcessResult:
    """One partition of one asset, run as the asset page runs it."""
    world.store.close()
    job = build_defs().resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        asset_selection=[dg.AssetKey(asset)],
        partition_key=key,
        instance=instance,
        raise_on_error=succeeds,
        run_config={
            "ops": {asset: {"config": config}},
            "resources": CLOCK,
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )


def shown(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    [event] = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def grid_key(instance: dg.DagsterInstance, sequence_id: Any, month: str) -> dg.MultiPartitionKey:
    key = partition_key(sequence_id, "Win back!")
    instance.add_dynamic_partitions(SEQUENCES_NAME, [key])
    return dg.MultiPartitionKey({"sequence": key, "month": month})


def test_a_dormant_month_shows_size_and_sample(world: World, instance: dg.DagsterInstance):
    lapsed(world, 7)
    tell(world, "open", ["quiet0@example.net"], NOW)
    figures = shown(materialized(world, instance, "dormant_contacts", "2025-06-01"), "dormant_contacts")
    assert (figures["dagster/row_count"], figures["mailable"], figures["month_is_open"]) == (6, 6, False)
    assert "q...@example.net" in figures["sample"]


def test_a_cohort_records_enrolled_and_skipped(world: World, instance: dg.DagsterInstance):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 7)
    world.change("UPDATE contact SET status = 'bounced' WHERE email = 'quiet3@example.net'")
    key = grid_key(instance, sequence_id, "2025-06-01")
    asset = "reengagement_enrollments"
    rehearsed = shown(materialized(world, instance, asset, key, dry_run=True), asset)
    assert (rehearsed["enrolled"], enrolled(world, sequence_id)) == (6, set())
    done = shown(materialized(world, instance, asset, key), asset)
    assert (done["enrolled"], done["skipped"]) == (6, 1)
    assert "| inactive | 1 |" in done["skipped_reasons"]
    again = shown(materialized(world, instance, asset, key), asset)
    assert (again["enrolled"], again["skipped"]) == (0, 7)


def test_a_paused_sequence_fails_its_partition(world: World, instance: dg.DagsterInstance):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 1)
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, NOW)
    key = grid_key(instance, sequence_id, "2025-06-01")
    result = materialized(world, instance, "reengagement_enrollments", key, succeeds=False)
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "is paused; only an active one" in str(failure.step_failure_data.user_failure_data)


def test_an_unsafe_condition_fails_its_partition(world: World, instance: dg.DagsterInstance):
    lapsed(world, 1)
    result = materialized(
        world, instance, "dormant_contacts", "2025-06-01", succeeds=False, where="read_text('x') <> ''"
    )
    assert not result.success


def test_months_run_up_to_the_present_one():
    assert MONTHS.get_partition_keys(current_time=NOW)[-1] == "2026-03-01"
    assert GRID.partition_dimension_names == ["month", "sequence"]


def test_the_sensor_keeps_partitions_in_step(world: World, instance: dg.DagsterInstance):
    """A sequence gets its partition; an archived one loses it; a new name changes no key."""
    world.domain()
    kept, gone = world.sequence(name="Win back"), world.sequence(name="Old")
    assert synced(world, instance) == {partition_key(kept, "Win back"), partition_key(gone, "Old")}
    with world.store.transaction() as connection:
        sequences.archive(connection, gone, NOW)
        sequences.update_sequence(connection, kept, NOW, {"name": "Renamed"})
    assert synced(world, instance) == {partition_key(kept, "Win back")}
    assert sequence_of(partition_key(kept, "Win back")) == kept


def test_a_partition_made_by_hand_stops_no_sensor(world: World, instance: dg.DagsterInstance):
    """Dagster's page takes any text for a key; it is left alone."""
    world.domain()
    sequence_id = world.sequence(name="Win back")
    instance.add_dynamic_partitions(SEQUENCES_NAME, ["by hand", "a.b", "a.seq_x"])
    assert partition_key(sequence_id, "Win back") in synced(world, instance)


def synced(world: World, instance: dg.DagsterInstance) -> set[str]:
    """What the sensor asks for, done."""
    world.store.close()
    with dg.build_sensor_context(instance=instance, resources={"store": StoreResource()}) as context:
        answer = reengagement_sequences(context)
    assert isinstance(answer, dg.SensorResult)
    for request in answer.dynamic_partitions_requests or []:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(SEQUENCES_NAME, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(SEQUENCES_NAME, key)
    return set(instance.get_dynamic_partitions(SEQUENCES_NAME))


def test_a_day_of_figures_is_counted_anew(world: World, instance: dg.DagsterInstance):
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.tick(NOW)
    world.change("INSERT INTO step_metric (step_id, day, sent, presumed, skipped, failed, unknown) "
                 "SELECT id, $day, 99, 0, 0, 0, 0 FROM step", day=NOW.date())  # fmt: skip
    figures = shown(
        materialized(world, instance, "step_metrics_daily", NOW.date().isoformat()), "step_metrics_daily"
    )
    assert figures["sent"] == 3
    assert world.rows("SELECT sent FROM step_metric") == [{"sent": 3}]
