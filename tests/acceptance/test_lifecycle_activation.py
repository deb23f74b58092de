"""A sequence starts only when it can send, and takes in who is on its list in turns (SPEC 2, Activate)."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import existing_members, frontier, lists, sequences, steps

MINUTE = timedelta(minutes=1)


def list_of(world: World, count: int) -> UUID:
    people = world.people(count)
    with world.store.transaction() as connection:
        list_id = lists.create_list(connection, "News", START)
        lists.add_contacts(connection, list_id, [*people], START)
    return list_id


def draft(world: World, list_id: UUID | None = None, *, delays: int = 1, existing: bool = False) -> UUID:
    with world.store.transaction() as connection:
        sequence = sequences.create_sequence(
            connection,
            START,
            name="s",
            trigger_type=TriggerType.LIST_ADD if list_id else TriggerType.MANUAL,
            trigger_list_id=list_id,
            enroll_existing=existing,
        )
        for number in range(delays):
            steps.add_step(
                connection, sequence, START, name=f"step {number + 1}", subject="Hi", body_html="<p>Hi</p>"
            )
    return sequence


def activate(world: World, sequence: UUID) -> int:
    with world.store.transaction() as connection:
        return sequences.activate(connection, sequence, START).enrolled


def faults(world: World, sequence: UUID) -> list[str]:
    with pytest.raises(BadInput) as refused:
        activate(world, sequence)
    with world.store.snapshot() as connection:
        assert sequences.get_sequence(connection, sequence)["status"] == "draft"
    return [fault["field"] for fault in refused.value.faults]


def test_it_needs_a_step(world: World):
    world.domain()
    assert faults(world, draft(world, delays=0)) == ["steps"]


def test_every_step_needs_a_usable_sender(world: World):
    domain = world.domain()
    sequence = draft(world, delays=2)
    world.change("UPDATE domain SET verified = false WHERE id = $id", id=domain)
    other = world.domain("other.example")
    [first, _] = world.rows("SELECT id FROM step ORDER BY position")
    with world.store.transaction() as connection:
        steps.update_step(connection, sequence, first["id"], START, {"sender_id": world.sender_of(other)})
    assert faults(world, sequence) == ["steps.1.senderId"]


def test_its_list_must_exist(world: World):
    world.domain()
    list_id = list_of(world, 1)
    sequence = draft(world, list_id)
    world.change("UPDATE list SET deleted_at = $now", now=START)
    assert faults(world, sequence) == ["triggerListId"]


def test_every_subject_and_body_must_parse(world: World):
    """A store written by another version may hold what this one does not read."""
    world.domain()
    sequence = draft(world, delays=2)
    world.change("UPDATE step SET subject = '{{ x', body_html = '{% nonsense %}' WHERE position = 2")
    assert faults(world, sequence) == ["steps.1.subject", "steps.1.bodyHtml"]


def test_all_faults_are_named_together(world: World):
    sequence = draft(world, list_of(world, 1), delays=2)
    world.change("UPDATE list SET deleted_at = $now", now=START)
    assert faults(world, sequence) == ["triggerListId", "steps.0.senderId", "steps.1.senderId"]


def test_a_paused_sequence_is_not_activated(world: World):
    world.domain()
    sequence = draft(world)
    activate(world, sequence)
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence, START)
        with pytest.raises(Conflict, match="paused"):
            sequences.activate(connection, sequence, START)


def test_present_members_are_enrolled_once_and_only_if_asked(world: World):
    world.domain()
    list_id = list_of(world, 3)
    assert activate(world, draft(world, list_id)) == 0
    assert activate(world, draft(world, list_id, existing=True)) == 3


def test_a_long_list_is_enrolled_in_turns(world: World):
    """A death between two turns loses and repeats nothing; a newcomer in between is enrolled by the list."""
    world.domain()
    list_id = list_of(world, 10)
    sequence = draft(world, list_id, existing=True)
    world.change("UPDATE sequence SET status = 'active', activated_at = $now", now=START)
    with world.store.transaction() as connection:
        assert existing_members.begin_existing(connection, sequence, START, turn=4).enrolled == 4
    with world.store.snapshot() as connection:
        assert frontier.look(connection, START) == "members of a list to enroll"
    [newcomer] = world.people(1, prefix="new")
    with world.store.transaction() as connection:
        lists.add_contacts(connection, list_id, [newcomer], START + MINUTE)
    turns = []
    while True:
        with world.store.transaction() as connection:
            result = existing_members.enroll_pending(connection, START + MINUTE, turn=4)
        if result is None:
            break
        turns.append(result.enrolled)
    assert turns == [4, 2]
    assert world.rows("SELECT source, count(*) AS n FROM enrollment GROUP BY source ORDER BY source") == [
        {"source": "existing", "n": 10},
        {"source": "list_add", "n": 1},
    ]


def test_turns_stop_for_a_pause_and_end_with_another_list(world: World):
    world.domain()
    sequence = draft(world, list_of(world, 10), existing=True)
    world.change("UPDATE sequence SET status = 'active', activated_at = $now", now=START)
    with world.store.transaction() as connection:
        existing_members.begin_existing(connection, sequence, START, turn=4)
        sequences.pause(connection, sequence, START)
    assert existing_members.enroll_all_pending(world.store, START) == 0
    with world.store.transaction() as connection:
        sequences.resume(connection, sequence, START)
    assert existing_members.enroll_all_pending(world.store, START) == 6

    world.change("UPDATE sequence SET existing_after = '00000000-0000-0000-0000-000000000000'")
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence, START)
        sequences.update_sequence(connection, sequence, START, {"trigger_type": TriggerType.MANUAL})
        sequences.resume(connection, sequence, START)
        assert existing_members.enroll_pending(connection, START) is None
