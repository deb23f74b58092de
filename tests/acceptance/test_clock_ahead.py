"""A clock that was a month ahead: after `xmit reconcile` everything goes on as if it had not been (SPEC 6.10)."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.reconciliation import reconcile
from xmit_pipeline.store import sequences, warmup
from xmit_pipeline.store.circuits import open_circuit
from xmit_pipeline.store.ticks import last_tick, start_tick

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
AHEAD = START + 30 * DAY
BACK = START + 5 * MINUTE


def clock_comes_back(world: World) -> None:
    assert world.tick(BACK).report.refused
    assert reconcile(world.store, world.settings, BACK).later_ticks == 1


def ticks(world: World, *moments: timedelta) -> int:
    """Ticks so long after START; answers how many messages they sent."""
    return sum(world.tick(START + moment).counts["sent"] for moment in moments)


@pytest.fixture
def unlimited(world: World) -> UUID:
    """Thirty people, three daily steps, the first of them sent, over a domain with no limit."""
    world.domain()
    sequence_id = world.sequence((0, 1, 1))
    world.enroll(sequence_id, world.people(30))
    world.tick(START)
    return sequence_id


@pytest.mark.usefixtures("unlimited")
def test_people_bumped_by_the_jump_go_on_at_their_own_times(world: World):
    """The jump looked like downtime, so 29 of 30 were put off until a time that only the wrong clock knew."""
    assert world.tick(AHEAD).counts["sent"] == 1
    clock_comes_back(world)
    assert ticks(world, 6 * MINUTE, DAY - MINUTE) == 0
    assert ticks(world, DAY) == 29
    assert ticks(world, DAY + 5 * MINUTE) == 1
    assert ticks(world, 2 * DAY) == 29
    assert set(world.delivered().values()) == {1}
    assert world.rows("SELECT status, count(*) AS n FROM enrollment GROUP BY status") == [
        {"status": "completed", "n": 30}
    ]


def test_people_enrolled_while_it_was_ahead_wait_from_now(world: World, unlimited: UUID):
    world.tick(AHEAD)
    with_seconds = AHEAD + timedelta(seconds=17)
    world.enroll(unlimited, world.people(2, prefix="late", now=with_seconds), with_seconds)
    clock_comes_back(world)
    assert world.rows("SELECT due_at FROM enrollment WHERE last_sent_at IS NULL") == [{"due_at": BACK}] * 2
    assert ticks(world, 6 * MINUTE) == 2


@pytest.mark.usefixtures("unlimited")
def test_a_second_reconcile_changes_nothing(world: World):
    world.tick(AHEAD)
    clock_comes_back(world)
    before = world.rows("SELECT * FROM enrollment ORDER BY id")
    assert reconcile(world.store, world.settings, BACK).later_ticks == 0
    assert world.rows("SELECT * FROM enrollment ORDER BY id") == before


def test_a_circuit_opened_ahead_probes_at_once(world: World, unlimited: UUID):
    world.faults({"kind": "status", "status": 401})
    world.tick(AHEAD)
    world.faults()
    clock_comes_back(world)
    world.enroll(unlimited, world.people(2, prefix="late", now=BACK), BACK)
    assert ticks(world, 6 * MINUTE) == 2
    with world.store.snapshot() as connection:
        assert open_circuit(connection) is None


def test_a_held_sender_is_probed_without_a_months_wait(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.change(
        "UPDATE sender SET held_at = $at, hold_reason = 'x', probe_at = $probe", at=START, probe=AHEAD
    )
    world.tick(AHEAD - MINUTE)
    clock_comes_back(world)
    assert ticks(world, 6 * MINUTE) >= 1


def test_a_warmup_completed_ahead_is_back_on_its_day(world: World):
    """Day 1 of the default curve: 25 places."""
    domain_id = world.domain(warmup_on=True, pacing=False)
    sequence_id = world.sequence()
    world.tick(START)
    world.tick(AHEAD)
    [ahead] = world.rows("SELECT warmup_state FROM domain")
    assert ahead["warmup_state"] == "completed"
    clock_comes_back(world)
    world.enroll(sequence_id, world.people(200), BACK)
    assert ticks(world, 6 * MINUTE) == 25
    assert ticks(world, DAY) == 38
    with world.store.snapshot() as connection:
        [day] = warmup.domain_days(connection, START + DAY)
    assert (day.domain_id, day.day, day.limit) == (domain_id, 2, 38)


def test_a_warmup_paused_ahead_keeps_its_true_day(world: World):
    domain_id = world.domain(warmup_on=True, pacing=False)
    world.tick(AHEAD - 20 * DAY)
    with world.store.transaction() as connection:
        warmup.pause(connection, domain_id, AHEAD - 20 * DAY, "by hand")
    clock_comes_back(world)
    with world.store.transaction() as connection:
        warmup.resume(connection, domain_id, BACK)
        [day] = warmup.domain_days(connection, BACK)
    assert day.day == 1


def test_places_taken_ahead_are_todays(world: World):
    """What was posted meanwhile was posted today, whatever the clock said."""
    world.domain(warmup_on=True, pacing=False, table=[40], hold_target=True)
    sequence_id = world.sequence()
    world.enroll(sequence_id, world.people(30))
    assert world.tick(AHEAD).counts["sent"] == 30
    clock_comes_back(world)
    world.enroll(sequence_id, world.people(30, prefix="late", now=BACK), BACK)
    assert ticks(world, 6 * MINUTE) == 10
    assert ticks(world, DAY) == 20


def test_mail_unknown_since_ahead_is_decided_in_a_day(world: World, unlimited: UUID):
    world.faults({"kind": "reset", "when": "before"})
    world.enroll(unlimited, world.people(1, prefix="late", now=AHEAD), AHEAD)
    world.tick(AHEAD)
    world.faults()
    clock_comes_back(world)
    world.tick(BACK + DAY + MINUTE)
    assert world.rows("SELECT count(*) AS n FROM message WHERE state = 'unknown'") == [{"n": 0}]


def test_a_spread_under_way_keeps_its_spacing(world: World):
    """A resume's own bumps are no fault of the clock."""
    world.domain()
    sequence_id = world.sequence()
    world.enroll(sequence_id, world.people(4))
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, START)
        sequences.resume(connection, sequence_id, START + MINUTE)
    bumped = world.rows(
        "SELECT not_before FROM enrollment WHERE not_before > $back ORDER BY not_before", back=BACK
    )
    with world.store.transaction() as connection:
        start_tick(connection, "ahead", AHEAD, AHEAD, simulated=True)
    clock_comes_back(world)
    assert (
        world.rows(
            "SELECT not_before FROM enrollment WHERE not_before > $back ORDER BY not_before", back=BACK
        )
        == bumped
    )


MARKS = {
    "what SendGrid suppressed": "SELECT max(pulled_until) AS mark FROM suppression_pull",
    "what subscribers hear": "SELECT max(heard_from) AS mark FROM webhook_subscription",
    "what is counted": "SELECT max(counted_at) AS mark FROM step_metric_count",
}


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_left_ahead_hides_nothing_for_a_month(world: World, mark: str):
    """What comes between the return and the mark would pass for known: opt-outs at SendGrid among it."""
    world.change("INSERT INTO suppression_pull VALUES ('spam_reports', $at, NULL, NULL, 0, $at)", at=AHEAD)
    world.change("INSERT INTO webhook_subscription VALUES (uuidv7(), 'email.sent', $at)", at=AHEAD)
    world.change("INSERT INTO step_metric_count VALUES ($at)", at=AHEAD)
    world.tick(AHEAD)
    clock_comes_back(world)
    [row] = world.rows(MARKS[mark])
    assert row["mark"] == BACK


@pytest.mark.usefixtures("unlimited")
def test_the_last_tick_is_the_one_begun_last(world: World):
    """Whatever the wall clock said: here it was a month ahead for one tick."""
    world.tick(AHEAD)
    world.change(
        "UPDATE tick SET started_at = started_at + INTERVAL 30 DAY WHERE id = $id", id=f"tick-{world.ticks}"
    )
    clock_comes_back(world)
    world.tick(BACK + MINUTE)
    with world.store.snapshot() as connection:
        tick = last_tick(connection)
    assert tick is not None
    assert tick["id"] == f"tick-{world.ticks}"


def test_a_delay_of_nothing_still_waits_for_the_next_tick(world: World):
    """SPEC 2: with the wrong tick for the last one, all three steps would go at once."""
    world.domain()
    sequence_id = world.sequence((0, 0, 0))
    world.tick(AHEAD)
    world.change("UPDATE tick SET started_at = started_at + INTERVAL 30 DAY")
    clock_comes_back(world)
    world.enroll(sequence_id, world.people(2), BACK)
    assert ticks(world, 6 * MINUTE) == 2
