"""`xmit backfill`: the re-engagement partitions of a sequence, month by month, through Dagster in this process."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from xmit_pipeline.cli.console import err, out, progress_bar, table_of
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.cli.tick import dagster_instance
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.store.cohorts import month_bounds
from xmit_pipeline.store.naming import sequence_called
from xmit_pipeline.store.reengaged import keys_by_sequence, partition_key, sequence_of
from xmit_pipeline.store.sequences import get_sequence

if TYPE_CHECKING:
    import dagster as dg

FIRST_MONTH = date(2015, 1, 1)


def run_backfill(
    sequence: str, first: str, last: str, *, quiet_days: int, where: str, field: str, dry_run: bool
) -> None:
    """Run each month's partition, oldest first. One that fails ends it with its sentence; running it again goes on."""
    months = _months(first, last)
    config = {"quiet_days": quiet_days, "where": where, "last_engaged_field": field, "dry_run": dry_run}
    with opened_store() as (store, settings):
        with store.snapshot() as connection:
            sequence_id = sequence_called(connection, sequence)
            name = get_sequence(connection, sequence_id)["name"]
        with dagster_instance(settings) as instance, progress_bar() as bar:
            key = _partition(instance, partition_key(sequence_id, name))
            task = bar.add_task(f"backfilling {name}", total=len(months))
            rows: list[dict[str, Any]] = []
            for month in months:
                store.close()
                rows.append({"month": f"{month:%Y-%m}", **_run_partition(instance, key, month, config)})
                bar.update(task, advance=1, description=f"{month:%Y-%m}")
    _print(name, rows, dry_run=dry_run)


def _months(first: str, last: str) -> list[date]:
    begin, end, now = _month(first), _month(last), datetime.now(UTC).date()
    if begin > end:
        raise BadInput(f"{first} comes after {last}; give the earlier month first.")
    if begin < FIRST_MONTH or end > now:
        raise BadInput(f"Months go from {FIRST_MONTH:%Y-%m} to the present one, {now:%Y-%m}.")
    months = [begin]
    while months[-1] < end:
        months.append(month_bounds(months[-1])[1].date())
    return months


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text[:7]}-01")
    except ValueError as error:
        raise BadInput(f"A month is written as 2025-03; it got {text!r}.") from error


def _partition(instance: "dg.DagsterInstance", wanted: str) -> str:
    """The sequence's partition, made where the sensor has not been yet."""
    from xmit_pipeline.defs.reengagement import SEQUENCES_NAME

    known = keys_by_sequence(instance.get_dynamic_partitions(SEQUENCES_NAME))
    if (key := known.get(sequence_of(wanted))) is not None:
        return key
    instance.add_dynamic_partitions(SEQUENCES_NAME, [wanted])
    return wanted


def _run_partition(
    instance: "dg.DagsterInstance", key: str, month: date, config: dict[str, Any]
) -> dict[str, Any]:
    """One run of job `reengage`; answers what its materialization shows. Conflict with the sentence where it fails."""
    import dagster as dg

    from xmit_pipeline.definitions import defs

    result = defs.resolve_job_def("reengage").execute_in_process(
        run_config={
            "ops": {"reengagement_enrollments": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        instance=instance,
        partition_key=dg.MultiPartitionKey({"sequence": key, "month": month.isoformat()}),
        raise_on_error=False,
    )
    if not result.success:
        raise Conflict(f"{month:%Y-%m}: {_why(result)} The months before it are done.")
    [event] = result.asset_materializations_for_node("reengagement_enrollments")
    return {name: value.value for name, value in event.metadata.items()}


def _why(result: "dg.ExecuteInProcessResult") -> str:
    """The sentence of the failure, or what Dagster says of it."""
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.user_failure_data and failure.user_failure_data.description:
                return failure.user_failure_data.description
            return failure.error.message.strip() if failure.error else "The run failed."
    return "The run failed."


def _print(name: str, rows: list[dict[str, Any]], *, dry_run: bool) -> None:
    would = "would be enrolled" if dry_run else "enrolled"
    table = table_of(["month"], figures=["dormant", would, "skipped"], title=f"Re-engagement by {name!r}")
    for row in rows:
        month = f"{row['month']} (still open)" if row["month_is_open"] else row["month"]
        table.add_row(month, *(f"{row[each]:,}" for each in ("dagster/row_count", "enrolled", "skipped")))
    out.print(table)
    enrolled = sum(row["enrolled"] for row in rows)
    out.print(
        f"{enrolled:,} {would}; "
        + ("nothing was changed." if dry_run else "the tick sends, within the limits.")
    )
    if any(row["month_is_open"] for row in rows):
        err.print(
            "A month that is still open can gain people until its last day is quiet; run it again later."
        )
