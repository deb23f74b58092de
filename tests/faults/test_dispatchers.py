"""Several at once on one store: dispatchers, daemons, a command beside the schedule. Nobody twice (SPEC 6.9)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.faults.conftest import Elsewhere
from tests.faults.forking import Forks
from xmit_pipeline.store import invariants

ROUNDS, DISPATCHERS, DELIVERIES = 5, 4, 200
MINUTE = timedelta(minutes=1)
STOOD_ASIDE = "Another tick is sending"


def test_four_dispatchers_deliver_each_once(elsewhere: Elsewhere):
    """PAINS A14, A16, A1: 4 dispatchers x 200 deliveries x 5 rounds. Each is late by turns, none sends twice."""
    world = elsewhere.world
    world.domain()
    sequences = [world.sequence(name=f"s{number}") for number in range(5)]
    for number in range(ROUNDS):
        moment = START + number * MINUTE
        for sequence, people in zip(sequences, groups(world, number), strict=True):
            world.enroll(sequence, people, moment)
        world.faults({"kind": "delay", "seconds": 0.05, "count": 3})
        ends = elsewhere.together([elsewhere.order(moment) for _ in range(DISPATCHERS)])
        assert [end.error for end in ends] == [""] * DISPATCHERS
        elsewhere.tick(moment)  # the last one may have stood aside before all were enrolled
        assert len(world.delivered()) == (number + 1) * DELIVERIES
    assert set(world.delivered().values()) == {1}
    assert world.rows("SELECT count(*) AS n FROM message WHERE state = 'sent'") == [
        {"n": ROUNDS * DELIVERIES}
    ]
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}


def groups(world: World, number: int) -> list[list[object]]:
    people = world.people(DELIVERIES, prefix=f"round{number}-")
    return [list(people[first::5]) for first in range(5)]


@pytest.mark.parametrize("beside", ["xmit tick", "run_tick"])
def test_a_command_or_a_daemon_beside_the_schedule(world: World, dagster_forked: Forks, beside: str):
    """PAINS A15, A23, A2: the schedule's run, a second daemon's and the command's at once: one of them sends."""
    elsewhere = Elsewhere(world, dagster_forked)
    elsewhere.tick(START - MINUTE, through="xmit tick")  # Dagster's own storage is made by whoever is first
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(40))
    world.faults({"kind": "delay", "seconds": 1.5})
    orders = [elsewhere.order(START, through=through) for through in ("xmit tick", "xmit tick", beside)]
    ends = elsewhere.together(orders)
    assert [end.error for end in ends] == [""] * 3
    assert sorted(world.delivered().values()) == [1] * 40
    assert [row["sent"] for row in world.rows("SELECT sent FROM tick ORDER BY sent DESC")][:1] == [40]


def test_a_slow_first_tick_is_never_taken_for_dead(elsewhere: Elsewhere):
    """PAINS A16: while the first one merely waits for SendGrid, others stand aside, however often they look."""
    world = elsewhere.world
    world.domain()
    world.enroll(world.sequence(), world.people(10))
    world.faults({"kind": "delay", "seconds": 2.0})
    late = [elsewhere.order(START + number * MINUTE) for number in range(4)]
    ends = elsewhere.together(late)
    assert sum(end.note.startswith(STOOD_ASIDE) for end in ends) >= 1
    assert sum(end.counts["sent"] for end in ends) == 10
    assert set(world.delivered().values()) == {1}


def test_an_immediate_first_step_races_with_no_one(elsewhere: Elsewhere):
    """PAINS A13: people are enrolled while two ticks claim; a first step that is due at once is claimed by one."""
    world = elsewhere.world
    world.domain()
    sequence, people = world.sequence((0, 1)), world.people(60)
    with ThreadPoolExecutor(1) as beside:
        ticking = beside.submit(elsewhere.together, [elsewhere.order(START), elsewhere.order(START)])
        while True:
            over = ticking.done()
            first = len(world.rows("SELECT 1 FROM enrollment")) % len(people)
            world.enroll(sequence, people[first : first + 3])
            if over:
                break
    world.enroll(sequence, people)
    elsewhere.tick(START)
    assert sorted(world.delivered().values()) == [1] * 60
