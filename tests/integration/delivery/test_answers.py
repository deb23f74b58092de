"""Every answer puts its request, messages and enrollments in the right state (SPEC 6.3 to 6.6, 6.11)."""

from datetime import timedelta

import pytest

from tests.campaigns import START, World

SOON = START + timedelta(minutes=1)


@pytest.fixture
def due(world: World) -> World:
    """Five people, due on the first of two steps."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(5))
    return world


def states(world: World) -> dict[str, int]:
    rows = world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


def order(world: World, **fault: object) -> None:
    world.faults({"count": 1, **fault})


def test_a_202_sends_and_moves_everyone_on(due: World):
    assert due.tick(START).counts["sent"] == 5
    [request] = due.rows("SELECT state, size, status_code, length(provider_id) AS id_length FROM request")
    assert request == {"state": "accepted", "size": 5, "status_code": 202, "id_length": 22}
    assert due.rows("SELECT DISTINCT due_at, message_id FROM enrollment") == [
        {"due_at": START + timedelta(days=1), "message_id": None}
    ]


@pytest.mark.parametrize("status", [429, 503, 401])
def test_surely_not_sent_waits_and_goes_next_time(due: World, status: int):
    """PAINS C3: what was refused for haste is sent later, once."""
    order(due, kind="status", status=status)
    assert due.tick(START).counts["sent"] == 0
    assert states(due) == {"waiting": 5}
    assert due.rows("SELECT DISTINCT due_at FROM enrollment") == [{"due_at": START}]
    assert due.tick(SOON).counts["sent"] == 5
    assert set(due.delivered().values()) == {1}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_perhaps_sent_is_unknown_and_never_posted_again(due: World, status: int):
    """PAINS A18."""
    order(due, kind="status", status=status, accept=True)
    assert due.tick(START).counts["unknown"] == 5
    assert due.tick(SOON).counts["claimed"] == 0
    assert states(due) == {"unknown": 5}
    assert set(due.delivered().values()) == {1}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_after_the_first_byte_is_unknown(due: World, when: str):
    order(due, kind="reset", when=when)
    assert due.tick(START).counts["unknown"] == 5


def test_a_refused_connection_is_surely_not_sent(due: World):
    from xmit_pipeline.delivery.transport import SendGrid

    due.sendgrid.close()
    due.sendgrid = SendGrid(key="SG.test", host="http://127.0.0.1:9", connections=2)
    assert "no connection" in (due.tick(START).report.note or "")
    assert states(due) == {"waiting": 5}


def test_an_address_that_sendgrid_refuses_fails_alone(due: World):
    """PAINS A4: one poison recipient, the others are sent once."""
    due.faults({"kind": "refuse_address", "address": "person3@example.net", "message": "Bad person."})
    result = due.tick(START)
    assert (result.counts["sent"], result.counts["failed"]) == (4, 1)
    assert due.rows("SELECT email, words FROM message WHERE state = 'failed'") == [
        {"email": "person3@example.net", "words": "Bad person."}
    ]
    assert due.rows("SELECT exit_reason FROM enrollment WHERE status = 'exited'") == [
        {"exit_reason": "rejected"}
    ]
    assert set(due.delivered().values()) == {1}


def test_an_unverified_sender_is_held_alone(world: World):
    one, two = world.domain("one.example"), world.domain("two.example")
    people = world.people(3)
    for domain in (one, two):
        world.enroll(world.sequence(name=str(domain), sender_id=world.sender_of(domain)), people)
    world.faults({"kind": "unverified_sender", "sender": "hello@one.example"})
    assert world.tick(START).counts["sent"] == 3
    assert world.rows("SELECT email FROM sender WHERE held_at IS NOT NULL") == [
        {"email": "hello@one.example"}
    ]


def test_three_unknown_in_a_row_stop_the_tick(world: World):
    """SPEC 6.6: an outage leaves three requests unknown, not a day's mail."""
    world.domain()
    people = world.people(1)
    for number in range(30):
        world.enroll(world.sequence(name=f"s{number}"), people)
    world.faults({"kind": "status", "status": 500, "count": 100})
    result = world.tick(START)
    assert 3 <= result.counts["unknown"] <= 3 + 8
    assert result.counts["unknown"] + result.report.released == 30
    world.faults()
    world.tick(SOON)
    assert len(world.delivered()) == 30 - result.counts["unknown"]


def test_a_web_page_with_200_is_no_success(due: World):
    """PAINS C6."""
    order(due, kind="status", status=200, body="<html>Sign in</html>")
    assert "no Mail Send answer" in (due.tick(START).report.note or "")
    assert states(due) == {"waiting": 5}


def test_every_sent_message_has_a_provider_id(due: World):
    """PAINS C12."""
    due.tick(START)
    assert due.rows("""
        SELECT count(*) AS n FROM message JOIN request ON request.id = message.request_id
        WHERE message.state = 'sent' AND request.provider_id IS NULL
    """) == [{"n": 0}]
