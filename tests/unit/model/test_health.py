"""The thresholds and minimums of SPEC 4, at their edges."""

import pytest

from tests.campaigns import START
from xmit_pipeline.model.health import Health


@pytest.mark.parametrize(
    ("sent", "bounces", "complaints", "expected"),
    [
        (0, 0, 0, "good"),
        (1000, 30, 0, "good"),
        (1000, 31, 0, "warning"),
        (1000, 50, 0, "warning"),
        (1000, 51, 0, "critical"),
        (50, 4, 0, "warning"),
        (50, 5, 0, "critical"),
        (10_000, 0, 5, "good"),
        (10_000, 0, 6, "warning"),
        (10_000, 0, 10, "warning"),
        (10_000, 0, 11, "critical"),
        (25, 0, 2, "warning"),
        (25, 0, 3, "critical"),
        (25, 4, 2, "warning"),
    ],
)
def test_health_follows_rates_and_numbers(sent: int, bounces: int, complaints: int, expected: str):
    assert Health(START, sent, bounces, complaints).state == expected
