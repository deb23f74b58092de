"""Steps and sequences change while people are among them (SPEC 2, Editing a live sequence)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import lists, sequences, steps
from xmit_pipeline.store.metrics import step_stats

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def add_step(world: World, sequence: UUID, name: str, now: datetime, days: int = 1, **given: Any) -> UUID:
    body = {"subject": name, "body_html": "<p>Hello</p>", **given}
    with world.store.transaction() as connection:
        return steps.add_step(
            connection, sequence, now, name=name, delay_amount=days, delay_unit=DelayUnit.DAYS, **body
        )


def step_ids(world: World) -> list[UUID]:
    return [row["id"] for row in world.rows("SELECT id FROM step WHERE deleted_at IS NULL ORDER BY position")]


def waits(world: World) -> list[dict[str, Any]]:
    return world.rows("""
        SELECT DISTINCT enrollment.status, step.name AS step, enrollment.due_at
        FROM enrollment LEFT JOIN step ON step.id = enrollment.step_id ORDER BY ALL
    """)


@pytest.fixture
def between(world: World) -> UUID:
    """Two people who have step 1 and wait for step 2, due a day later."""
    world.domain()
    sequence = world.sequence((0, 1, 1))
    world.enroll(sequence, world.people(2))
    world.tick(START)
    return sequence


def test_an_appended_step_reaches_those_still_active(world: World):
    """PAINS D5: who is past the end stays there; who is not gets the new step too."""
    world.domain()
    sequence = world.sequence((0, 1))
    world.enroll(sequence, world.people(1, prefix="early"))
    for days in (0, 1):
        world.tick(START + days * DAY)
    world.enroll(sequence, world.people(1, prefix="late"), START + DAY)
    world.tick(START + DAY + MINUTE)
    add_step(world, sequence, "step 3", START + DAY + MINUTE)
    for days in (2, 3, 4):
        world.tick(START + days * DAY + MINUTE)
    sent = world.rows(
        "SELECT email, count(*) AS n FROM message WHERE state = 'sent' GROUP BY email ORDER BY email"
    )
    assert sent == [{"email": "early0@example.net", "n": 2}, {"email": "late0@example.net", "n": 3}]


def test_an_appended_step_reaches_who_has_the_last_one_on_its_way(world: World):
    """Whoever waits for the answer about the last step goes on to the new one when it comes."""
    world.domain()
    sequence = world.sequence((0,))
    world.enroll(sequence, world.people(1))
    move(world, "pause", sequence)
    world.change(
        "UPDATE enrollment SET last_step_id = step_id, step_id = NULL, due_at = NULL, last_sent_at = $now",
        now=START,
    )
    add_step(world, sequence, "step 2", START + MINUTE)
    assert waits(world) == [{"status": "paused", "step": "step 2", "due_at": START + DAY}]


def test_a_step_put_right_after_them_comes_next(world: World, between: UUID):
    """The due time that they had stays."""
    add_step(world, between, "new", START + MINUTE, days=5, position=2)
    assert waits(world) == [{"status": "active", "step": "new", "due_at": START + DAY}]
    world.tick(START + DAY)
    assert waits(world) == [{"status": "active", "step": "step 2", "due_at": START + 2 * DAY}]


def test_a_step_put_before_them_is_not_caught_up(world: World, between: UUID):
    add_step(world, between, "new", START + MINUTE, position=1)
    assert waits(world) == [{"status": "active", "step": "step 2", "due_at": START + DAY}]


def test_a_deleted_step_hands_on_to_the_next(world: World, between: UUID):
    """due = max(now, last send + that step's delay)."""
    now = START + 7 * DAY + timedelta(seconds=40)
    with world.store.transaction() as connection:
        steps.delete_step(connection, between, step_ids(world)[1], now)
    assert waits(world) == [{"status": "active", "step": "step 3", "due_at": START + 7 * DAY}]


def test_deleting_all_that_is_left_completes(world: World, between: UUID):
    for step in step_ids(world)[1:]:
        with world.store.transaction() as connection:
            steps.delete_step(connection, between, step, START + MINUTE)
    assert waits(world) == [{"status": "completed", "step": None, "due_at": None}]


def test_before_the_first_send_the_delay_counts_from_enrolling(world: World):
    world.domain()
    sequence = world.sequence((3, 1))
    world.enroll(sequence, world.people(1))
    with world.store.transaction() as connection:
        steps.delete_step(connection, sequence, step_ids(world)[0], START + MINUTE)
    assert waits(world) == [{"status": "active", "step": "step 2", "due_at": START + DAY}]


def test_a_moved_step_is_never_sent_again(world: World, between: UUID):
    """Step 1, which they have, is moved behind step 2: they go on with step 3."""
    one, two, three = step_ids(world)
    world.tick(START + DAY)
    with world.store.transaction() as connection:
        steps.reorder_steps(connection, between, [two, one, three], START + DAY)
    for days in (2, 3, 4):
        world.tick(START + days * DAY)
    assert set(world.delivered().values()) == {1}
    assert len(world.delivered()) == 6


def test_the_only_step_of_a_started_sequence_stays(world: World):
    world.domain()
    sequence = world.sequence((0,))
    with world.store.transaction() as connection, pytest.raises(Conflict, match="only step left"):
        steps.delete_step(connection, sequence, step_ids(world)[0], START)


def test_an_order_names_every_step_once(world: World, between: UUID):
    one, two, three = step_ids(world)
    for wrong in ([one, two], [one, two, two], [one, two, three, between]):
        with world.store.transaction() as connection, pytest.raises(BadInput, match="every step"):
            steps.reorder_steps(connection, between, wrong, START)


@pytest.mark.parametrize("position", [0, 5])
def test_a_position_outside_the_sequence_is_refused(world: World, between: UUID, position: int):
    with pytest.raises(BadInput, match="must be 1 to 4"):
        add_step(world, between, "new", START, position=position)


@pytest.mark.parametrize(
    ("changes", "held"), [({"subject": "new"}, 0), ({"delay_amount": 9}, 1), ({"subject": "Hi"}, 1)]
)
def test_new_words_release_a_held_step(world: World, changes: steps.StepChanges, held: int):
    world.domain()
    sequence = world.sequence((0,), subject="Hi")
    world.change(
        "UPDATE step SET held_at = $now, hold_reason = 'render_error', skip_failing = true", now=START
    )
    with world.store.transaction() as connection:
        steps.update_step(connection, sequence, step_ids(world)[0], START, changes)
    assert world.rows("SELECT count(held_at) AS n FROM step") == [{"n": held}]


def test_words_that_do_not_parse_are_not_saved(world: World, between: UUID):
    with world.store.transaction() as connection, pytest.raises(BadInput) as refused:
        steps.update_step(connection, between, step_ids(world)[0], START, {"body_html": "<p>\n{% if %}</p>"})
    assert [fault["field"] for fault in refused.value.faults] == ["bodyHtml"]


def test_editing_never_changes_a_counter(world: World, between: UUID):
    """PAINS C16, F4: stats of past sends stay, whatever becomes of the steps."""
    with world.store.transaction() as connection:
        before = step_stats(connection, between, START)
        one, two, three = step_ids(world)
        steps.update_step(connection, between, one, START, {"subject": "new"})
        steps.reorder_steps(connection, between, [three, one, two], START)
        steps.delete_step(connection, between, two, START)
        after = {row["step_id"]: row for row in step_stats(connection, between, START)}
    assert after == {row["step_id"]: row for row in before if row["step_id"] != two}


def test_a_delay_of_zero_means_the_next_tick(world: World):
    """SPEC 2, Delays: also where that comes within the same minute."""
    world.domain()
    world.enroll(world.sequence((0, 0, 0)), world.people(2))
    assert [world.tick(START).counts["sent"] for _ in range(4)] == [2, 2, 2, 0]


def test_trigger_and_list_change_in_draft_or_pause(world: World):
    world.domain()
    sequence = world.sequence((0,))
    with world.store.transaction() as connection:
        list_id = lists.create_list(connection, "News", START)
    changes: sequences.SequenceChanges = {"trigger_type": TriggerType.LIST_ADD, "trigger_list_id": list_id}
    with world.store.transaction() as connection, pytest.raises(Conflict, match="while it is paused"):
        sequences.update_sequence(connection, sequence, START, changes)
    move(world, "pause", sequence)
    with world.store.transaction() as connection:
        sequences.update_sequence(connection, sequence, START, changes)
        assert sequences.get_sequence(connection, sequence)["trigger_list_id"] == list_id


def test_saying_the_same_trigger_again_is_no_change(world: World):
    world.domain()
    sequence = world.sequence((0,))
    with world.store.transaction() as connection:
        sequences.update_sequence(
            connection, sequence, START, {"trigger_type": TriggerType.MANUAL, "name": "New name"}
        )
        assert sequences.get_sequence(connection, sequence)["name"] == "New name"


@pytest.mark.parametrize("verbs", [["pause"], []])
def test_a_running_sequence_is_not_deleted(world: World, verbs: list[str]):
    world.domain()
    sequence = world.sequence((0,))
    for verb in verbs:
        move(world, verb, sequence)
    with world.store.transaction() as connection, pytest.raises(Conflict, match="archive it"):
        sequences.delete_sequence(connection, sequence, START)


def test_a_deleted_sequence_leaves_its_facts(world: World, between: UUID):
    move(world, "archive", between)
    with world.store.transaction() as connection:
        sequences.delete_sequence(connection, between, START)
        with pytest.raises(NotFound):
            sequences.get_sequence(connection, between)
    assert world.rows("SELECT count(*) AS n FROM message WHERE state = 'sent'") == [{"n": 2}]


def test_archived_steps_stay_as_they_are(world: World, between: UUID):
    move(world, "archive", between)
    with pytest.raises(Conflict, match="archived"):
        add_step(world, between, "late", START)


def move(world: World, verb: str, sequence: UUID) -> None:
    with world.store.transaction() as connection:
        getattr(sequences, verb)(connection, sequence, START)
