"""A refusal that names nobody: the blame is found by smaller requests, and nobody else pays (SPEC 6.5)."""

from datetime import timedelta

import pytest

from tests.campaigns import START, World

SOON = START + timedelta(minutes=1)


def states(world: World) -> dict[str, int]:
    rows = world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


def refuse(world: World, *names: str) -> None:
    """Requests with one of these people are refused, without a word about whom."""
    world.faults(
        *({"kind": "refuse_address", "address": f"{name}@example.net", "named": False} for name in names)
    )


@pytest.fixture
def welcome(world: World) -> World:
    world.domain()
    return world


@pytest.mark.parametrize("poison", [0, 500, 999])
def test_one_poison_in_a_thousand_fails_alone(welcome: World, poison: int):
    """PAINS A4: 999 are sent once, 1 has failed with SendGrid's words."""
    welcome.enroll(welcome.sequence(), welcome.people(1000))
    refuse(welcome, f"person{poison}")
    result = welcome.tick(START)
    assert (result.counts["sent"], result.counts["failed"]) == (999, 1)
    assert states(welcome) == {"sent": 999, "failed": 1}
    assert welcome.rows("SELECT email, words FROM message WHERE state = 'failed'") == [
        {"email": f"person{poison}@example.net", "words": "Does not contain a valid address."}
    ]
    assert sorted(welcome.delivered().values()) == [1] * 999


def test_poison_in_both_halves_is_found(welcome: World):
    """Three that go singly prove that it is not the step."""
    welcome.enroll(welcome.sequence(), welcome.people(40))
    refuse(welcome, "person3", "person5", "person21", "person39")
    result = welcome.tick(START)
    assert (result.counts["sent"], result.counts["failed"]) == (36, 4)
    assert set(welcome.delivered().values()) == {1}


def test_a_bad_template_over_ten_thousand_holds_one_step(welcome: World):
    """0 exits, one held step, and SendGrid is asked a few times, not ten thousand."""
    welcome.enroll(welcome.sequence(body="<p>Forbidden</p>"), welcome.people(10_000))
    welcome.faults({"kind": "refuse_content", "contains": "Forbidden", "message": "Not this word."})
    before = welcome.sandbox.mailbox.stats()["refused"]
    welcome.tick(START)
    assert welcome.rows("SELECT hold_reason FROM step WHERE held_at IS NOT NULL") == [
        {"hold_reason": "step_refused: Not this word."}
    ]
    assert states(welcome) == {"waiting": 10_000}
    assert welcome.rows("SELECT DISTINCT status, due_at FROM enrollment") == [
        {"status": "active", "due_at": START}
    ]
    assert welcome.sandbox.mailbox.stats()["refused"] - before <= 10


@pytest.mark.parametrize("people", [1, 2, 3])
def test_a_step_that_nobody_got_is_held_also_for_few(welcome: World, people: int):
    welcome.enroll(welcome.sequence(body="<p>Forbidden</p>"), welcome.people(people))
    welcome.faults({"kind": "refuse_content", "contains": "Forbidden"})
    welcome.tick(START)
    assert states(welcome) == {"waiting": people}
    assert len(welcome.rows("SELECT 1 FROM step WHERE held_at IS NOT NULL")) == 1


def test_a_lone_refusal_after_success_fails_that_one(welcome: World):
    """The step was taken a minute ago: it is the person. Twice in a row, it is the step."""
    sequence = welcome.sequence()
    first, second, third = welcome.people(3)
    welcome.enroll(sequence, [first])
    welcome.tick(START)
    refuse(welcome, "person1", "person2")
    welcome.enroll(sequence, [second], SOON)
    assert welcome.tick(SOON).counts["failed"] == 1
    welcome.enroll(sequence, [third], SOON + timedelta(minutes=1))
    assert welcome.tick(SOON + timedelta(minutes=1)).counts["failed"] == 0
    assert len(welcome.rows("SELECT 1 FROM step WHERE held_at IS NOT NULL")) == 1


def test_a_request_that_is_too_large_is_split(welcome: World):
    """413: both halves fit."""
    welcome.enroll(welcome.sequence(), welcome.people(10))
    welcome.faults({"kind": "status", "status": 413, "count": 1})
    assert welcome.tick(START).counts["sent"] == 10
    assert welcome.rows("SELECT state, size FROM request ORDER BY size DESC, state") == [
        {"state": "refused", "size": 10},
        {"state": "accepted", "size": 5},
        {"state": "accepted", "size": 5},
    ]


def test_a_refusal_inside_a_refusal_keeps_the_quota(world: World):
    """The refused request gives back its places, and its parts take them."""
    world.domain(warmup_on=True, start=20, target=20)
    world.enroll(world.sequence(), world.people(30))
    [first] = world.rows(
        "SELECT contact.email FROM enrollment JOIN contact ON contact.id = enrollment.contact_id "
        "ORDER BY enrollment.id LIMIT 1"
    )
    refuse(world, first["email"].removesuffix("@example.net"))
    result = world.tick(START)
    assert result.counts["failed"] == 1
    assert len(world.delivered()) == result.counts["sent"] == 20


def test_trouble_inside_a_division_releases_the_rest(welcome: World):
    """A bisection cut short by an outage fails nobody and holds nothing; the next tick begins it anew."""
    welcome.enroll(welcome.sequence(), welcome.people(8))
    welcome.faults(
        {"kind": "status", "status": 400, "count": 1, "body": {"errors": [{"message": "Bad."}]}},
        {"kind": "status", "status": 503, "count": 2},
    )
    assert welcome.tick(START).counts["failed"] == 0
    assert states(welcome) == {"waiting": 8}
    assert welcome.tick(SOON).counts["sent"] == 8
