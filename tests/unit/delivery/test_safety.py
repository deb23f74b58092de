"""Whether a time may be sent by: one rule for the command and for the tick (SPEC 6.10)."""

from datetime import timedelta

import pytest

from xmit_pipeline.delivery.safety import unsafe
from xmit_pipeline.model.clock import FixedClock, WallClock
from xmit_pipeline.model.settings import Settings, read_settings


@pytest.fixture
def settings() -> Settings:
    """As where mail reaches people."""
    return read_settings({"SENDGRID_API_KEY": "SG.x", "XMIT_PUBLIC_URL": "https://mail.example.com"})


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_a_time_near_the_clock_is_sent_by(settings: Settings, minutes: int):
    assert unsafe(settings, FixedClock(WallClock().now() + timedelta(minutes=minutes))) is None


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_time_off_the_clock_is_refused(settings: Settings, minutes: int):
    told = unsafe(settings, FixedClock(WallClock().now() + timedelta(minutes=minutes)))
    assert told is not None
    assert "more than 5 minutes off the clock" in told
