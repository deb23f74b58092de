"""Due times are whole UTC minutes; a day is 24 hours (SPEC 2, Delays; PAINS B1 to B3, B7)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.delays import DelayUnit, delay_minutes, due_after, in_words, parse_unit
from xmit_pipeline.model.errors import BadInput

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.integers(0, 10_000))
def test_due_is_the_posts_minute_plus_the_delay(posted, minutes):
    due = due_after(posted, minutes)
    assert (due.second, due.microsecond) == (0, 0)
    assert timedelta(0) <= posted + timedelta(minutes=minutes) - due < timedelta(minutes=1)


def test_seven_daily_steps_land_on_seven_days():
    """PAINS B1: each delay counts from the step before."""
    due = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    for _ in range(7):
        due = due_after(due + timedelta(seconds=42), delay_minutes(1, DelayUnit.DAYS))
    assert due == datetime(2026, 3, 9, 9, 30, tzinfo=UTC)


@given(moments, st.sampled_from([-11, -3, 0, 1, 5.5, 9, 13]))
def test_the_zone_of_the_clock_changes_nothing(posted, hours):
    elsewhere = posted.astimezone(timezone(timedelta(hours=hours)))
    assert due_after(elsewhere, 90) == due_after(posted, 90)


@pytest.mark.parametrize(
    ("text", "unit"), [("day", DelayUnit.DAYS), ("hours", DelayUnit.HOURS), ("minute", DelayUnit.MINUTES)]
)
def test_units_are_taken_in_singular_and_plural(text, unit):
    assert parse_unit(text) is unit


@pytest.mark.parametrize("text", ["", "weeks", "DAYS", "dayss"])
def test_other_units_are_refused(text):
    with pytest.raises(BadInput, match="minutes, hours or days"):
        parse_unit(text)


@pytest.mark.parametrize("amount", [-1, 10**9])
def test_delays_out_of_reason_are_refused(amount):
    with pytest.raises(BadInput):
        delay_minutes(amount, DelayUnit.DAYS)


@pytest.mark.parametrize(
    ("amount", "unit", "words"),
    [
        (0, DelayUnit.DAYS, "immediately"),
        (1, DelayUnit.DAYS, "after 1 day"),
        (30, DelayUnit.MINUTES, "after 30 minutes"),
    ],
)
def test_delays_read_as_words(amount, unit, words):
    assert in_words(amount, unit) == words
