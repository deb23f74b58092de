"""Dagster's own history, kept bounded: 1,440 ticks a day would fill a disk (DESIGN 6)."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from xmit_pipeline.defs.schedules import QUIET

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class Retention(dg.Config):
    """How much history stays."""

    keep_days: int = Field(default=3, ge=1, description="Days of finished runs to keep.")
    at_most: int = Field(default=5_000, ge=1, description="Runs to delete in one go; the next day goes on.")


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, config: Retention) -> None:
    """Delete finished runs that ended before the days to keep; their pages are used again."""
    deleted = prune_runs(
        context.instance, datetime.now(UTC) - timedelta(days=config.keep_days), config.at_most
    )
    context.log.info(f"{deleted:,} runs deleted")


def prune_runs(instance: dg.DagsterInstance, before: datetime, at_most: int) -> int:
    """Delete up to so many finished runs that were created before a moment; answers how many."""
    old = instance.get_run_records(
        filters=dg.RunsFilter(statuses=FINISHED, created_before=before), limit=at_most, ascending=True
    )
    for record in old:
        instance.delete_run(record.dagster_run.run_id)
    return len(old)


@dg.job(executor_def=dg.in_process_executor, config=QUIET, description="Deletes finished runs of days past.")
def prune_history() -> None:
    """One op: Dagster keeps runs for ever by itself."""
    delete_old_runs()


every_night = dg.ScheduleDefinition(
    name="every_night",
    job=prune_history,
    cron_schedule="23 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
