"""`xmit explain` and its API call: the facts, and the sentences that they come to (SPEC 10)."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World, curve
from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import sequences, suppressions, warmup
from xmit_pipeline.store.explain import Explanation, enrollments_of_address, explain

DAY = timedelta(days=1)


def explained(world: World, number: int = 0, now=START, unknown_after: timedelta = DAY) -> Explanation:
    """What is said of a person by address."""
    with world.store.snapshot() as connection:
        [enrollment_id] = enrollments_of_address(connection, f"person{number}@example.net")
        return explain(connection, enrollment_id, now, unknown_after)


def test_someone_due_goes_with_the_next_tick(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    told = explained(world, now=START)
    assert told.facts["goes_next"]
    assert told.sentences[0].startswith(
        "person0@example.net was enrolled in 'Welcome' on 2026-03-02 09:30 UTC"
    )
    assert "no tick has run yet" in told.sentences[-1]


def test_a_sent_step_names_request_and_next_due(world: World):
    world.domain()
    world.enroll(world.sequence((0, 2)), world.people(1))
    world.tick(START)
    told = explained(world, now=START + DAY)
    [message] = told.facts["messages"]
    assert message["attempts"][0]["status_code"] == 202
    assert "'step 1' was sent to person0@example.net on 2026-03-02 09:30 UTC." in told.sentences
    assert told.sentences[-1] == "Step 2, 'step 2', is due on 2026-03-04 09:30 UTC."


def test_a_full_day_names_domain_and_midnight(world: World):
    world.domain(warmup_on=True, pacing=False, **curve(2, 100))
    world.enroll(world.sequence(), world.people(5))
    world.tick(START)
    waiting = [told for told in (explained(world, n) for n in range(5)) if told.facts["wall"]]
    assert [told.facts["wall"] for told in waiting] == ["warmup_day"] * 3
    assert {told.facts["earliest_at"].isoformat() for told in waiting} == {"2026-03-03T00:00:00+00:00"}
    assert sorted(told.facts["ahead"] for told in waiting) == [0, 1, 2]
    assert "2 of 2 places taken" in " ".join(waiting[0].sentences)


def test_pacing_names_the_next_full_hour(world: World):
    """SPEC 4: a backlog takes floor(L * (h+1) / 24)."""
    world.domain(warmup_on=True, **curve(24, 100))
    world.enroll(world.sequence(), world.people(20))
    later = START + timedelta(hours=2)
    world.tick(later)
    [told] = [told for n in range(20) if (told := explained(world, n, later)).facts["ahead"] == 0]
    assert told.facts["wall"] == "warmup_pace"
    assert told.facts["earliest_at"] == later.replace(hour=12, minute=0)


def test_a_held_step_tells_its_words(world: World):
    world.domain()
    sequence_id = world.sequence()
    world.enroll(sequence_id, world.people(1))
    world.change("UPDATE step SET held_at = $now, hold_reason = 'step_refused: no plain text'", now=START)
    assert "step_refused: no plain text" in explained(world).sentences[-1]


def test_a_held_sender_tells_its_words(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    world.change("UPDATE sender SET held_at = $now, hold_reason = 'not a verified identity'", now=START)
    assert "hello@example.com is held" in explained(world).sentences[-1]


def test_a_paused_warmup_tells_why(world: World):
    domain_id = world.domain(warmup_on=True)
    world.enroll(world.sequence(), world.people(1))
    with world.store.transaction() as connection:
        warmup.pause(connection, domain_id, START, "bounces over 5 %")
    assert "paused (bounces over 5 %)" in explained(world).sentences[-1]


def test_a_paused_sequence_is_said_so(world: World):
    world.domain()
    sequence_id = world.sequence()
    world.enroll(sequence_id, world.people(1))
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, START)
    assert "paused since 2026-03-02 09:30 UTC" in explained(world).sentences[-1]


def test_a_suppressed_person_left_and_why(world: World):
    world.domain()
    world.enroll(world.sequence((1,)), world.people(1))
    with world.store.transaction() as connection:
        suppressions.suppress(
            connection, "person0@example.net", SuppressionReason.UNSUBSCRIBE, START, source="link"
        )
    told = explained(world)
    assert "suppressed since 2026-03-02 09:30 UTC (unsubscribe, by link)" in " ".join(told.sentences)
    assert told.sentences[-1] == "They left the sequence on 2026-03-02 09:30 UTC: they unsubscribed."


def test_an_unknown_message_says_until_when(world: World):
    """SPEC 6.6: nothing posts it again by itself."""
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    world.faults({"kind": "reset", "when": "after"})
    world.tick(START)
    told = explained(world, unknown_after=timedelta(hours=5))
    assert told.facts["messages"][0]["state"] == "unknown"
    assert "2026-03-02 14:30 UTC" in " ".join(told.sentences)


def test_explaining_changes_nothing(world: World):
    world.domain(warmup_on=True, **curve(2, 100))
    world.enroll(world.sequence(), world.people(5))
    before = world.rows("SELECT * FROM enrollment ORDER BY id")
    explained(world)
    assert world.rows("SELECT * FROM enrollment ORDER BY id") == before


def test_an_unknown_enrollment_is_not_found(world: World):
    with world.store.snapshot() as connection, pytest.raises(NotFound):
        explain(connection, UUID(int=7), START, DAY)
