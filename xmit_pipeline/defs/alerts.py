"""When ticks fail again and again, one word about it: a single failure is the next minute's to mend."""

import dagster as dg

IN_A_ROW = 3
"""Failed ticks before the alert; one alert an outage, not one a minute."""
TOLD = "xmit/told"
"""On the failed run of which it was said that ticks fail."""
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


def told_of_outage(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a failure after the job's latest success carries the mark that it was said."""
    success = _latest(instance, dg.RunsFilter(job_name=job_name, statuses=[dg.DagsterRunStatus.SUCCESS]))
    return _latest(instance, dg.RunsFilter(job_name=job_name, tags={TOLD: "yes"})) > success


def _latest(instance: dg.DagsterInstance, wanted: dg.RunsFilter) -> int:
    """The newest such run's place in Dagster's record; 0 where there is none."""
    records = instance.get_run_records(filters=wanted, limit=1)
    return records[0].storage_id if records else 0


@dg.run_failure_sensor(
    name="ticks_fail",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description=f"Says so once where {IN_A_ROW} ticks in a row have failed.",
)
def ticks_fail(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Logs an error where so many have failed in a row, and not again before a tick has succeeded.

    The failure it is said of is marked: two that fail between two looks make no difference.
    """
    job, instance = context.dagster_run.job_name, context.instance
    failed = failures_in_a_row(instance, job)
    if failed < IN_A_ROW:
        return dg.SkipReason(f"{failed} failed runs of {job} in a row; an alert comes at {IN_A_ROW}.")
    if told_of_outage(instance, job):
        return dg.SkipReason(f"It was said already that {job} fails.")
    instance.add_run_tags(context.dagster_run.run_id, {TOLD: "yes"})
    context.log.error(
        f"{IN_A_ROW} runs of {job} or more have failed in a row: {context.failure_event.message}. See `xmit doctor`."
    )
    return None
