"""The warmup curve, its days, and what a backlog may take (SPEC 4)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.warmup import Curve, Progress, backlog_share, next_hour, next_midnight

DEFAULTS = (25, 38, 56, 84, 127, 190, 285, 427, 641, 961, 1442, 2162, 3244, 4865, 5000)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

curves = st.builds(
    Curve,
    start=st.integers(1, 500),
    factor=st.decimals(Decimal("1.05"), Decimal(4), places=2),
    target=st.integers(1, 100_000),
)


def test_the_default_curve_is_the_contracts_table():
    assert Curve().limits == DEFAULTS


@given(curves)
def test_limits_grow_to_the_target_and_stay(curve):
    limits = curve.limits
    assert list(limits) == sorted(limits)
    assert limits[-1] == curve.target == curve.limit(len(limits) + 100)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.integers(1, 60))
def test_a_table_gives_each_days_limit(table, day):
    assert Curve(table=tuple(table)).limit(day) == table[min(day, len(table)) - 1]


@pytest.mark.parametrize("bad", [{"start": 0}, {"target": 0}, {"factor": Decimal(1)}, {"table": (5, -1)}])
def test_a_curve_that_goes_nowhere_is_refused(bad):
    with pytest.raises(BadInput):
        Curve(**bad)


@given(st.integers(0, 400))
def test_a_day_is_one_plus_the_midnights_since(hours):
    now = START + timedelta(hours=hours)
    midnights = (now.date() - START.date()).days
    assert Progress(0, START).day(now) == 1 + midnights


def test_a_pause_stops_the_days():
    assert Progress(4, None).day(START + timedelta(days=30)) == 5


@pytest.mark.parametrize(("day", "done"), [(14, False), (15, False), (16, True), (17, True)])
def test_completion_needs_one_full_day_at_target(day, done):
    now = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=day - 1)
    assert Progress(0, START).full_day_at_target(Curve(), now) is done


def test_a_first_day_begun_late_is_not_full():
    curve = Curve(start=10, target=10)
    tomorrow = datetime(2026, 3, 3, tzinfo=UTC)
    assert not Progress(0, START).full_day_at_target(curve, tomorrow)
    assert Progress(0, START).full_day_at_target(curve, tomorrow + timedelta(days=1))


@given(st.integers(0, 100_000))
def test_the_backlogs_share_reaches_the_whole_day_in_its_last_hour(limit):
    shares = [backlog_share(limit, START.replace(hour=hour)) for hour in range(24)]
    assert shares == sorted(shares)
    assert shares[23] == limit


def test_walls_give_way_at_whole_hours_and_midnights():
    now = datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)
    assert next_hour(now) == next_midnight(now) == datetime(2026, 3, 3, tzinfo=UTC)
