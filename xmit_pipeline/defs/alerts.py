"""When ticks fail again and again, one word about it: a single failure is the next minute's to mend."""

import dagster as dg

IN_A_ROW = 3
"""Failed ticks before the alert; one alert an outage, not one a minute."""
RECENT = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def failures_in_a_row(instance: dg.DagsterInstance, job_name: str) -> int:
    """How many of a job's latest finished runs failed without a success between."""
    records = instance.get_run_records(
        filters=dg.RunsFilter(job_name=job_name, statuses=RECENT), limit=IN_A_ROW + 1
    )
    statuses = [record.dagster_run.status for record in records]
    first_success = next(
        (place for place, status in enumerate(statuses) if status == dg.DagsterRunStatus.SUCCESS), None
    )
    return len(statuses) if first_success is None else first_success


@dg.run_failure_sensor(
    name="ticks_fail",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description=f"Says so once where {IN_A_ROW} ticks in a row have failed.",
)
def ticks_fail(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Logs an error at the third failure in a row, and not again before a tick has succeeded."""
    job = context.dagster_run.job_name
    failed = failures_in_a_row(context.instance, job)
    if failed != IN_A_ROW:
        return dg.SkipReason(f"{failed} failed runs of {job} in a row; an alert comes at {IN_A_ROW}.")
    context.log.error(
        f"{IN_A_ROW} runs of {job} in a row have failed: {context.failure_event.message}. See `xmit doctor`."
    )
    return None
