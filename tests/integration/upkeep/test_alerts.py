"""One failed tick is the next minute's to mend; three in a row are said once (STYLE: alerts after n failures)."""

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from xmit_pipeline.defs.alerts import failures_in_a_row

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
