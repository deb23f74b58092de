"""Every invariant stands on an asset's page, and each can fail (SPEC 6.8, PAINS A12, C11, H4)."""

from datetime import timedelta

import pytest

from tests.campaigns import START, World
from xmit_pipeline.defs.checks import GUARDED
from xmit_pipeline.store.invariants import BREACHES, breach_count, breaches

NIGHTMARES = {
    "one message per enrollment and step": "INSERT INTO message SELECT * REPLACE (uuidv7() AS id) FROM message",
    "one enrollment per contact and sequence": """
        INSERT INTO enrollment SELECT * REPLACE (uuidv7() AS id) FROM enrollment
    """,
    "an active enrollment is due or has an open message, never both": "UPDATE enrollment SET due_at = NULL",
    "an ended enrollment owes nothing": """
        UPDATE enrollment SET status = 'exited'; UPDATE message SET state = 'waiting'
    """,
    "an open message stands in an open request": "UPDATE message SET state = 'claimed'",
    "a sent message has an accepted request": "UPDATE request SET state = 'released'",
    "a request's size is the number of its attempts that stayed": "UPDATE request SET size = size + 1",
    "a message was never posted again while it may have been taken": """
        INSERT INTO request SELECT * REPLACE (uuidv7() AS id) FROM request;
        INSERT INTO attempt
        SELECT request.id, message.id, false FROM message, request WHERE request.id <> message.request_id
    """,
    "one contact per address": "INSERT INTO contact SELECT * REPLACE (uuidv7() AS id) FROM contact",
    "a domain keeps within its warmup day": "UPDATE request SET size = size + 100",
    "unique is at most delivered, and delivered at most sent": """
        INSERT INTO step_metric (step_id, day, sent, presumed, skipped, failed, unknown, opens, unique_opens)
        SELECT step_id, sent_at::DATE, 1, 0, 0, 0, 0, 1, 1 FROM message
    """,
}


@pytest.fixture
def sent(world: World) -> World:
    """Three people, the first of two steps sent, on a domain in warmup."""
    world.domain(warmup_on=True, table=[10])
    world.enroll(world.sequence((0, 1)), world.people(3))
    world.tick(START)
    return world


def test_every_rule_stands_on_one_page():
    assert sorted(rule for rules in GUARDED.values() for rule in rules) == sorted(BREACHES)


@pytest.mark.parametrize("rule", BREACHES)
def test_each_rule_can_be_seen_broken(sent: World, rule: str):
    with sent.store.snapshot() as connection:
        assert breach_count(connection, rule) == 0
    sent.change(NIGHTMARES[rule])
    with sent.store.snapshot() as connection:
        assert breach_count(connection, rule) > 0


def test_a_lowered_limit_breaks_no_rule(sent: World):
    sent.change("UPDATE domain SET warmup_table = [1]")
    sent.tick(START + timedelta(minutes=1))
    with sent.store.snapshot() as connection:
        assert breaches(connection) == {}
