"""A failed send stalls nobody else, and says in words what it waits for (SPEC 6.5, 6.6)."""

from datetime import timedelta

from tests.campaigns import START, World
from xmit_pipeline.store.holds import holds

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def test_a_refused_person_stalls_nobody(world: World):
    """PAINS C10: the failed one leaves, with SendGrid's words; everybody else gets the next step."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(4))
    world.faults({"kind": "refuse_address", "address": "person2@example.net", "message": "No such mailbox."})
    world.tick(START)
    world.tick(START + DAY)
    assert world.rows("SELECT email, state, reason, words FROM message WHERE state <> 'sent'") == [
        {"email": "person2@example.net", "state": "failed", "reason": "rejected", "words": "No such mailbox."}
    ]
    statuses = "SELECT status, exit_reason, count(*) AS n FROM enrollment GROUP BY ALL ORDER BY n"
    assert world.rows(statuses) == [
        {"status": "exited", "exit_reason": "rejected", "n": 1},
        {"status": "completed", "exit_reason": None, "n": 3},
    ]


def test_a_refused_step_waits_with_its_words_and_goes_on(world: World):
    """PAINS C10: work that is due never lies in an idle queue: it is held, by name, and one release moves it."""
    world.domain()
    refused, fine = world.sequence(body="<p>Forbidden</p>"), world.sequence(name="Other")
    people = world.people(5)
    world.enroll(refused, people)
    world.enroll(fine, people)
    world.faults({"kind": "refuse_content", "contains": "Forbidden", "message": "Not this word."})
    assert world.tick(START).counts["sent"] == 5
    with world.store.snapshot() as connection:
        [hold] = holds(connection)
    assert (hold.kind, hold.name, hold.reason) == ("step", "step 1", "step_refused: Not this word.")
    world.faults()
    world.change("UPDATE step SET held_at = NULL, hold_reason = NULL")
    for minutes in (1, 30, 61):
        world.tick(START + minutes * MINUTE)
    assert sorted(world.delivered().values()) == [1] * 10


def test_a_sender_refused_beside_others_waits_alone(world: World):
    """PAINS C10: one sender's 403; the others' mail leaves in the same minute, and its own after the release."""
    domains = [world.domain(f"d{number}.example") for number in range(3)]
    people = world.people(4)
    for domain in domains:
        world.enroll(world.sequence(name=str(domain), sender_id=world.sender_of(domain)), people)
    world.faults({"kind": "unverified_sender", "sender": "hello@d1.example"})
    assert world.tick(START).counts["sent"] == 8
    with world.store.snapshot() as connection:
        [hold] = holds(connection)
    assert (hold.kind, hold.name) == ("sender", "hello@d1.example")
    assert "Sender Identity" in hold.reason
    assert {row["state"] for row in world.rows("SELECT state FROM message")} == {"sent", "waiting"}
