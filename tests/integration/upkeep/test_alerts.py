"""One failed tick is the next minute's to mend; three in a row are said once (STYLE: alerts after n failures)."""

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from xmit_pipeline.defs.alerts import failures_in_a_row, ticks_fail

GOOD, BAD = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    ("oldest_first", "expected"),
    [
        ([], 0),
        ([GOOD], 0),
        ([BAD], 1),
        ([GOOD, BAD, BAD], 2),
        ([BAD, BAD, BAD], 3),
        ([BAD, BAD, GOOD], 0),
        ([BAD] * 9, 4),
    ],
)
def test_failures_are_counted_back_to_the_last_success(
    oldest_first: list[dg.DagsterRunStatus], expected: int
):
    with dg.DagsterInstance.ephemeral() as instance:
        for status in oldest_first:
            create_run_for_test(instance, job_name="tick", status=status)
        create_run_for_test(instance, job_name="other", status=BAD)
        assert failures_in_a_row(instance, "tick") == expected


def spoke(instance: dg.DagsterInstance, *oldest_first: dg.DagsterRunStatus) -> bool:
    """These runs end, and then the sensor looks at the last of them: whether it says something."""
    for status in oldest_first[:-1]:
        create_run_for_test(instance, job_name="tick", status=status)
    run = create_run_for_test(instance, job_name="tick", status=oldest_first[-1])
    context = dg.build_run_status_sensor_context(
        sensor_name="ticks_fail",
        dagster_event=instance.report_run_failed(run, "it died"),
        dagster_instance=instance,
        dagster_run=run,
    )
    return ticks_fail(context.for_run_failure()) is None


def test_an_outage_is_said_once():
    """At the third, not at the fourth, and of the next outage again."""
    with dg.DagsterInstance.ephemeral() as instance:
        assert [spoke(instance, BAD) for _ in range(5)] == [False, False, True, False, False]
        assert [spoke(instance, GOOD, BAD), spoke(instance, BAD), spoke(instance, BAD)] == [
            False,
            False,
            True,
        ]


def test_failures_between_two_looks_are_heard():
    """From two to four at once: the third was never the last."""
    with dg.DagsterInstance.ephemeral() as instance:
        assert [spoke(instance, BAD, BAD), spoke(instance, BAD, BAD), spoke(instance, BAD)] == [
            False,
            True,
            False,
        ]
