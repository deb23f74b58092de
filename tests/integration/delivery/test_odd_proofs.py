"""Proofs that come at odd moments: while a later attempt is under way, after giving up, of a test send (SPEC 6.6)."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.control_calls import ControlCalls
from xmit_pipeline.delivery.deliver import Delivery
from xmit_pipeline.delivery.email_logs import EmailLogs, look_up_unknown
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.outcomes import Answer, UnknownPolicy
from xmit_pipeline.store import invariants
from xmit_pipeline.store.frontier import look
from xmit_pipeline.store.metrics import refresh_step_metrics, unequal_step_metrics
from xmit_pipeline.store.test_sends import reserve_test, settle_test
from xmit_pipeline.store.tick_checks import tick_breaches
from xmit_pipeline.store.unknown import prove

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = START + DAY + HOUR


@pytest.fixture
def unanswered(world: World) -> World:
    """Five people whose first mail was taken, though nobody said so; under the policy `resend`."""
    world.settings = replace(world.settings, unknown_policy=UnknownPolicy.RESEND)
    world.domain()
    world.enroll(world.sequence((0, 9)), world.people(5))
    world.faults({"kind": "reset", "when": "after"})
    assert world.tick(START).counts["unknown"] == 5
    return world


def unknown_request(world: World) -> UUID:
    [row] = world.rows("SELECT id FROM request WHERE state = 'unknown'")
    return row["id"]


def prove_it(world: World, request_id: UUID, now: datetime) -> None:
    with world.store.transaction() as connection:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE proof AS SELECT $id::UUID AS request_id", {"id": request_id}
        )
        prove(connection, now)


class ProofWhilePosting:
    """Posts nothing: while the second attempt is on the wire, an event proves the first; the answer is `status`."""

    def __init__(self, world: World, first: UUID, status: int) -> None:
        self.world, self.first, self.status = world, first, status
        self.posts = 0

    def post(self, body: bytes) -> Answer:  # noqa: ARG002  (a `Poster`)
        self.posts += 1
        prove_it(self.world, self.first, LATER)
        return Answer(self.status, b"")


def deliver(world: World, poster: ProofWhilePosting, now: datetime) -> None:
    """A tick's delivery with a poster of its own."""
    world.ticks += 1
    journal = Journal(world.settings.journal)
    Delivery(world.store, world.settings, FixedClock(now), poster, journal, f"tick-{world.ticks}").run()


def let_go_again(world: World) -> UUID:
    """The policy has let them go again, and a wall has kept them; answers the first request."""
    first = unknown_request(world)
    world.change("UPDATE sender SET verified = false")
    world.tick(LATER)
    world.change("UPDATE sender SET verified = true")
    return first


def test_a_proof_during_a_refused_resend_ends_it_within_the_tick(unanswered: World):
    """Proved while the resend was refused: its halves are not posted, and nobody is claimed again."""
    first = let_go_again(unanswered)
    poster = ProofWhilePosting(unanswered, first, 400)
    deliver(unanswered, poster, LATER)
    assert poster.posts == 1
    assert unanswered.rows("SELECT DISTINCT state, accepted_twice FROM message") == [
        {"state": "sent", "accepted_twice": False}
    ]
    assert set(unanswered.delivered().values()) == {1}


def test_a_proof_during_an_unknown_resend_is_no_reason_for_a_third(unanswered: World):
    """The second attempt is of unknown fate, the first was proved meanwhile: the policy lets nobody go again."""
    first = let_go_again(unanswered)
    deliver(unanswered, ProofWhilePosting(unanswered, first, 500), LATER)
    assert unanswered.tick(LATER + 2 * DAY).counts["claimed"] == 0
    assert unanswered.rows("SELECT state, count(*) AS n FROM message GROUP BY state") == [
        {"state": "sent", "n": 5}
    ]


def test_a_proof_after_giving_up_makes_it_sent(unanswered: World):
    """SPEC 6.3: settlement always changes the message; the enrollment stays where it ended."""
    unanswered.settings = replace(unanswered.settings, resend_limit=1)
    first = unknown_request(unanswered)
    unanswered.faults({"kind": "reset", "when": "before", "count": 99})
    for days in (1, 2):
        unanswered.tick(START + days * (DAY + HOUR))
    assert unanswered.rows("SELECT DISTINCT state FROM message") == [{"state": "failed"}]
    prove_it(unanswered, first, START + 3 * DAY)
    assert unanswered.rows("SELECT DISTINCT state, reason FROM message") == [
        {"state": "sent", "reason": None}
    ]
    assert unanswered.rows("SELECT DISTINCT exit_reason FROM enrollment") == [
        {"exit_reason": "delivery_failed"}
    ]


def test_figures_follow_a_resend_that_waits(unanswered: World):
    """What was unknown and waits again is counted anew: the hourly rebuild finds nothing unequal."""
    refresh_step_metrics(unanswered.store, "tick-1", START)
    let_go_again(unanswered)
    refresh_step_metrics(unanswered.store, "tick-2", LATER)
    with unanswered.store.transaction() as connection:
        assert unequal_step_metrics(connection) == 0


def test_two_503s_that_took_the_mail_break_no_rule(world: World):
    """Each was taken as not sent in good faith, and proved late: shown as accepted twice, not as our fault."""
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    for minutes in (0, 1):
        world.faults({"kind": "status", "status": 503, "accept": True})
        world.tick(START + timedelta(minutes=minutes))
    world.faults()
    world.tick(START + timedelta(minutes=5))
    for row in world.rows("SELECT id FROM request WHERE state = 'released'"):
        prove_it(world, row["id"], START + HOUR)
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
        assert not any(tick_breaches(connection, f"tick-{world.ticks}", START + HOUR).values())
    assert list(world.delivered().values()) == [3]


def test_a_test_send_of_unknown_fate_wakes_nobody_each_minute(world: World):
    """It is looked up hourly, as everything unknown is."""
    world.domain()
    sequence = world.sequence()
    [step] = world.rows("SELECT id FROM step")
    with world.store.transaction() as connection:
        reserved = reserve_test(connection, sequence, step["id"], "me@example.com", START, "boot")
        settle_test(connection, reserved.request_id, START, outcome="unknown", posted_at=START)
    assert (
        look_up_unknown(world.store, FixedClock(START + HOUR), EmailLogs(ControlCalls(world.sendgrid))) == 0
    )
    with world.store.transaction() as connection:
        assert look(connection, START + HOUR + timedelta(minutes=1)) is None
        assert look(connection, START + 2 * HOUR) == "requests of unknown fate to look up"
    prove_it(world, reserved.request_id, START + 2 * HOUR)
    assert world.rows("SELECT state FROM request") == [{"state": "accepted"}]


def test_a_proof_of_a_stranger_changes_nothing(unanswered: World):
    before = unanswered.rows("FROM request")
    prove_it(unanswered, new_id(), LATER)
    assert unanswered.rows("FROM request") == before
