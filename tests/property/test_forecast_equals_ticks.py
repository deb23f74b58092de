"""SPEC 10: a forecast is what then happens, day by day, when the same inputs are played through real ticks."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, example, given, settings

from tests.campaigns import opened_world
from tests.property.forecast_worlds import Case, Counts, Crowd, Domain, Drip, Played, cases
from xmit_pipeline.delivery.forecast import Plan, forecast
from xmit_pipeline.sandbox.server import RunningSandbox

TIGHT = Domain(start=3, target=9, pacing=True)
CONTENDED = Case(
    domains=(TIGHT, Domain(start=None, target=2, pacing=True)),
    drips=(
        Drip(((0, 0), (0, 0), (1, 240)), 100, (Crowd(14, 0), Crowd(9, 400)), None),
        Drip(((0, 30), (1, 0), (0, 1440)), 100, (Crowd(12, 1), Crowd(3, 905)), None),
    ),
    begins=500,
    days=3,
)
"""Two sequences that share a domain of few places, chains of no delay, and a backlog under pacing."""


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(CONTENDED)
@given(case=cases())
def test_forecast_is_what_then_happens(sandbox: RunningSandbox, case: Case):
    with TemporaryDirectory() as folder, opened_world(Path(folder), sandbox) as world:
        played = Played(world)
        played.set_up(case)
        start = played.live(case)
        end = datetime.combine(start.date() + timedelta(days=case.days), time(), UTC)
        told = [forecast(world.store, each, Plan(start, case.days)) for each in played.sequence_ids]
        played.deferred.clear()
        played.tick_through(start, end)
        sent: Counts = Counter()
        deferred: Counts = Counter()
        for row in (row for each in told for row in each.rows):
            sent[row.date, row.step_id] += row.sent
            deferred[row.date, row.step_id] += row.deferred
        assert (+sent, +deferred) == (played.sent(start), +played.deferred)
