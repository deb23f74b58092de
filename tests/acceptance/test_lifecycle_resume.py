"""What came due while nothing could go is spread, in its old order, and never sent twice (SPEC 2, Resume)."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.store import sequences, steps, warmup

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def move(world: World, verb: str, sequence: UUID, now: datetime) -> None:
    with world.store.transaction() as connection:
        getattr(sequences, verb)(connection, sequence, now)


def waiting(world: World) -> list[dict[str, datetime]]:
    """Due times and bumps of all who wait, in their order."""
    return world.rows("""
        SELECT due_at, not_before FROM enrollment WHERE status = 'active' AND due_at IS NOT NULL ORDER BY due_at, id
    """)


def bumps(world: World) -> list[datetime]:
    return [row["not_before"] for row in waiting(world)]


def evenly(start: datetime, people: int, window: timedelta = HOUR) -> list[datetime]:
    return [start + number * window // people for number in range(people)]


def sent(world: World) -> int:
    return world.rows("SELECT count(*) AS n FROM message WHERE state = 'sent'")[0]["n"]


@pytest.fixture
def off_for_two_weeks(world: World) -> UUID:
    """10,000 people, due in ten lots a minute apart, in a sequence that was paused before they were."""
    world.domain()
    sequence = world.sequence((1, 1))
    for lot in range(10):
        world.enroll(sequence, world.people(1_000, prefix=f"lot{lot}-"), START + lot * MINUTE)
    move(world, "pause", sequence, START + HOUR)
    return sequence


def test_two_weeks_off_are_spread_and_a_second_pause_shifts_them(world: World, off_for_two_weeks: UUID):
    """PAINS D1: evenly over the window, in the old order; paused in the middle, the rest is later by the pause."""
    sequence, back = off_for_two_weeks, START + 14 * DAY
    before = [row["due_at"] for row in world.rows("SELECT due_at FROM enrollment ORDER BY due_at, id")]
    move(world, "resume", sequence, back)
    assert [row["due_at"] for row in waiting(world)] == before
    assert bumps(world) == evenly(back, 10_000)

    half, pause = back + HOUR / 2, timedelta(hours=2, minutes=7, seconds=3)
    world.tick(half)
    assert sent(world) == 5_001
    left = [moment for moment in evenly(back, 10_000) if moment > half]
    move(world, "pause", sequence, half)
    move(world, "resume", sequence, half + pause)
    assert bumps(world)[: len(left)] == [moment + pause for moment in left]

    world.tick(back + HOUR + pause)
    assert sent(world) == 10_000
    assert set(world.delivered().values()) == {1}


def test_who_came_due_in_the_second_pause_follows_behind(world: World):
    """SPEC 2: in original order; what is left of the first spread keeps its spacing and goes first."""
    world.domain()
    sequence = world.sequence((1,))
    world.enroll(sequence, world.people(4, prefix="early"))
    world.enroll(sequence, world.people(3, prefix="late"), START + DAY)
    move(world, "pause", sequence, START)
    back = START + 1.5 * DAY
    move(world, "resume", sequence, back)
    world.tick(back + 20 * MINUTE)
    move(world, "pause", sequence, back + 20 * MINUTE)
    again = START + 3 * DAY
    move(world, "resume", sequence, again)
    assert bumps(world) == [again + minutes * MINUTE for minutes in (10, 25, 25 + 20, 25 + 40, 25 + 60)]


def test_a_due_time_in_the_future_stays(world: World):
    world.domain()
    sequence = world.sequence((3,))
    world.enroll(sequence, world.people(2))
    move(world, "pause", sequence, START)
    move(world, "resume", sequence, START + DAY)
    assert waiting(world) == [{"due_at": START + 3 * DAY, "not_before": None}] * 2


def test_a_resume_moves_at_once_and_repeats_nothing(world: World):
    """PAINS A7, D2: seen in the first tick; ten ticks later nobody has a step twice."""
    world.domain()
    sequence = world.sequence((0, 1))
    world.enroll(sequence, world.people(10))
    world.tick(START)
    move(world, "pause", sequence, START + MINUTE)
    back = START + 2 * DAY
    move(world, "resume", sequence, back)
    assert world.tick(back).counts["sent"] == 1
    for minutes in range(1, 11):
        world.tick(back + 6 * minutes * MINUTE)
    assert sent(world) == 20
    assert set(world.delivered().values()) == {1}


def test_a_held_step_is_spread_once_released(world: World):
    """SPEC 2: what came due during the hold is spread; who was due before it goes at once."""
    world.domain()
    sequence = world.sequence((0,))
    world.enroll(sequence, world.people(2, prefix="before"))
    refusal = {"errors": [{"message": "The template is bad.", "field": "content"}]}
    world.faults({"kind": "status", "status": 400, "body": refusal, "count": 100})
    world.tick(START)
    world.faults()
    world.enroll(sequence, world.people(6, prefix="during"), START + HOUR)
    world.tick(START + HOUR)
    released = START + 3 * HOUR
    [step] = world.rows("SELECT id FROM step")
    with world.store.transaction() as connection:
        steps.release_step(connection, sequence, step["id"], skip_failing=False)
    assert world.tick(released).counts["sent"] == 2 + 1
    assert bumps(world) == evenly(released, 6)[1:]


def test_downtime_longer_than_the_window_is_spread(world: World):
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(6))
    world.tick(START)
    back = START + DAY + HOUR + MINUTE
    assert world.tick(back).counts["sent"] == 1
    assert bumps(world)[:5] == evenly(back, 6)[1:]


def test_rare_ticks_starve_nobody(world: World):
    """Ticks every two hours, a window of one: each is downtime to the spread, and each sends somebody."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(4))
    world.tick(START)
    begin = START + timedelta(hours=27)
    for number in range(5):
        world.tick(begin + number * timedelta(hours=2))
    assert world.rows("SELECT status, count(*) AS n FROM enrollment GROUP BY status") == [
        {"status": "completed", "n": 4}
    ]


@pytest.mark.parametrize("late", [timedelta(0), HOUR])
def test_a_quiet_day_or_a_short_stop_bumps_nobody(world: World, late: timedelta):
    """A tick that had nothing to do for a day has missed nothing."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(6))
    world.tick(START)
    assert world.tick(START + DAY + late).counts["sent"] == 6


def test_a_days_limit_bumps_nobody_after_downtime(world: World):
    """SPEC 2: where a day's limit holds, pacing does this work."""
    world.domain(warmup_on=True, pacing=False, hold_target=True, table=[100])
    world.enroll(world.sequence((0, 1)), world.people(6))
    world.tick(START)
    assert world.tick(START + 3 * DAY).counts["sent"] == 6


def test_a_paused_domain_without_a_limit_is_spread(world: World):
    domain = world.domain()
    world.enroll(world.sequence((0, 1)), world.people(6))
    world.tick(START)
    with world.store.transaction() as connection:
        warmup.pause(connection, domain, START, "by hand")
    world.tick(START + DAY)
    with world.store.transaction() as connection:
        warmup.resume(connection, domain, START + DAY + MINUTE)
    assert world.tick(START + DAY + MINUTE).counts["sent"] == 1
    assert bumps(world)[:5] == evenly(START + DAY + MINUTE, 6)[1:]


def test_a_resume_under_a_days_limit_is_spread_within_it(world: World):
    """PAINS D1: spread, and under the quota."""
    world.domain(warmup_on=True, pacing=False, hold_target=True, table=[3])
    sequence = world.sequence((1,))
    world.enroll(sequence, world.people(6))
    move(world, "pause", sequence, START)
    back = START + 2 * DAY
    move(world, "resume", sequence, back)
    for minutes in range(0, 61, 10):
        world.tick(back + minutes * MINUTE)
    assert sent(world) == 3


def test_slots_that_passed_during_a_hold_keep_their_spacing(world: World):
    """The step was held while its spread ran, and then paused: nobody goes in a burst at the resume."""
    world.domain()
    sequence = world.sequence((0, 1))
    world.enroll(sequence, world.people(6))
    world.tick(START)
    step = world.rows("SELECT id FROM step ORDER BY position")[1]["id"]
    move(world, "pause", sequence, START + HOUR)
    first = START + 2 * DAY
    move(world, "resume", sequence, first)
    world.change("UPDATE step SET held_at = $now, hold_reason = 'x' WHERE id = $id", now=first, id=step)
    world.tick(first + MINUTE)
    world.tick(first + 59 * MINUTE)
    move(world, "pause", sequence, first + 59 * MINUTE)
    with world.store.transaction() as connection:
        steps.release_step(connection, sequence, step, skip_failing=False)
    again = START + 4 * DAY
    move(world, "resume", sequence, again)
    assert bumps(world) == evenly(again, 6)
    assert world.tick(again).counts["sent"] == 1


def test_who_came_due_between_an_unfinished_spread_is_spread_too(world: World):
    """Four fell due among those who still had a slot to come, and after the tick that served the others."""
    world.domain()
    sequence = world.sequence((1,))
    world.enroll(sequence, world.people(5))
    due = START + DAY
    move(world, "pause", sequence, due)
    last = world.rows("SELECT id FROM enrollment ORDER BY due_at DESC, id DESC LIMIT 1")[0]["id"]
    world.change("UPDATE enrollment SET not_before = $slot WHERE id = $id", slot=due + 30 * MINUTE, id=last)
    again = due + 3 * HOUR
    move(world, "resume", sequence, again)
    assert bumps(world) == [*evenly(again, 4), again + 30 * MINUTE]
