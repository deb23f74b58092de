"""Waiting for a service in trouble is bounded, and never shorter than it asks (SPEC 6.5, 6.6)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.circuits import Patience, probe_after


def test_probes_double_up_to_a_quarter_of_an_hour():
    minutes = [probe_after(failures) / timedelta(minutes=1) for failures in range(1, 8)]
    assert minutes == [1, 2, 4, 8, 15, 15, 15]


@given(st.integers(1, 10_000), st.floats(0, 3600))
def test_a_probe_never_comes_sooner_than_asked(failures: int, asked: float):
    assert probe_after(failures, asked) >= timedelta(seconds=asked)


@given(st.floats(0, 600), st.lists(st.none() | st.floats(0, 120), max_size=200))
def test_a_tick_never_waits_longer_than_its_budget(budget: float, asked: list[float | None]):
    """PAINS A5: the retry budget is finite, whatever the answers say."""
    patience = Patience(budget)
    waits = [wait for each in asked if (wait := patience.next_wait(each)) is not None]
    assert sum(waits) <= budget + 1e-6
    assert all(wait > 0 for wait in waits)


def test_waits_grow_within_a_tick():
    patience = Patience(1000)
    waits = [patience.next_wait(None) or 0.0 for _ in range(6)]
    assert waits == sorted(waits)
    assert 24 <= sum(waits) / 2 <= 48
