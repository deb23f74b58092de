"""What left and was never answered: proved, looked up, presumed or sent again (SPEC 6.6)."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.control_calls import ControlCalls
from xmit_pipeline.delivery.email_logs import EmailLogs, look_up_unknown
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.store.suppressions import suppress
from xmit_pipeline.store.unknown import decide_unknown, prove, unknown_requests

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATER = START + DAY + HOUR


@pytest.fixture
def unanswered(world: World) -> World:
    """Five people whose first mail was taken, though nobody said so; a second step follows after a day."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(5))
    world.faults({"kind": "reset", "when": "after"})
    assert world.tick(START).counts["unknown"] == 5
    return world


def with_policy(world: World, policy: UnknownPolicy, resend_limit: int = 3) -> World:
    world.settings = replace(world.settings, unknown_policy=policy, resend_limit=resend_limit)
    return world


def states(world: World) -> dict[str, int]:
    rows = world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


def request_of(world: World, state: str = "unknown") -> UUID:
    [row] = world.rows("SELECT id FROM request WHERE state = $state", state=state)
    return row["id"]


def prove_it(world: World, request_id: UUID, now: datetime) -> None:
    with world.store.transaction() as connection:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE proof AS SELECT $id::UUID AS request_id", {"id": request_id}
        )
        prove(connection, now)


def test_any_event_of_the_request_proves_it_whole(unanswered: World):
    """The enrollment goes on from the time of the post."""
    prove_it(unanswered, request_of(unanswered), START + HOUR)
    assert states(unanswered) == {"sent": 5}
    assert unanswered.rows("SELECT DISTINCT due_at FROM enrollment") == [{"due_at": START + DAY}]
    assert unanswered.rows("SELECT DISTINCT presumed, sent_at FROM message") == [
        {"presumed": False, "sent_at": START}
    ]


def test_an_event_folded_before_the_death_was_settled_proves_too(unanswered: World):
    """The event may come before anybody knows that the request is of unknown fate."""
    unanswered.change(
        "INSERT INTO event (kind, request_id, happened_at, folded_at, raw) "
        "VALUES ('delivered', $id, $at, $at, '{}')",
        id=request_of(unanswered),
        at=START,
    )
    unanswered.tick(START + MINUTE)
    assert states(unanswered) == {"sent": 5}


def test_a_proof_known_already_changes_nothing(unanswered: World):
    request = request_of(unanswered)
    prove_it(unanswered, request, START + HOUR)
    before = unanswered.rows("FROM message ORDER BY id"), unanswered.rows("FROM enrollment ORDER BY id")
    prove_it(unanswered, request, START + 2 * HOUR)
    assert before == (
        unanswered.rows("FROM message ORDER BY id"),
        unanswered.rows("FROM enrollment ORDER BY id"),
    )


def test_sendgrids_log_is_a_second_proof(unanswered: World):
    logs = EmailLogs(ControlCalls(unanswered.sendgrid))
    assert look_up_unknown(unanswered.store, FixedClock(START + 2 * HOUR), logs) == 1
    assert states(unanswered) == {"sent": 5}


def test_what_the_log_lacks_proves_nothing(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.faults({"kind": "reset", "when": "before"})
    world.tick(START)
    logs = EmailLogs(ControlCalls(world.sendgrid))
    assert look_up_unknown(world.store, FixedClock(START + 2 * HOUR), logs) == 0
    assert states(world) == {"unknown": 3}


def test_after_a_day_it_is_presumed_sent(unanswered: World):
    """No duplicates: the default; flagged, and the next step counts from the post."""
    assert unanswered.tick(START + DAY - MINUTE).counts["claimed"] == 0
    result = unanswered.tick(START + DAY)
    assert result.counts["sent"] == 5
    assert unanswered.rows(
        "SELECT count(*) AS n FROM message WHERE presumed AND sent_at = $at", at=START
    ) == [{"n": 5}]
    assert set(unanswered.delivered().values()) == {1}


def test_a_late_proof_takes_the_presumption_away(unanswered: World):
    request = request_of(unanswered)
    unanswered.tick(START + DAY)
    prove_it(unanswered, request, START + DAY)
    assert unanswered.rows("SELECT count(*) AS n FROM message WHERE presumed") == [{"n": 0}]


def test_resend_loses_nobody_and_counts_what_doubled(unanswered: World):
    """The other policy: they go again, and a proof of the first attempt is shown as accepted twice."""
    first = request_of(unanswered)
    world = with_policy(unanswered, UnknownPolicy.RESEND)
    assert world.tick(LATER).counts["sent"] == 5
    prove_it(world, first, LATER)
    with world.store.snapshot() as connection:
        assert sum(row["accepted_twice"] for row in unknown_requests(connection)) == 5
    assert set(world.delivered().values()) == {2}
    assert world.tick(LATER + MINUTE).counts["claimed"] == 0


def test_a_proof_before_the_resend_stops_it(unanswered: World):
    """Let go again, deferred by a wall, proved meanwhile: sent, and never posted twice."""
    first = request_of(unanswered)
    world = with_policy(unanswered, UnknownPolicy.RESEND)
    world.change("UPDATE sender SET verified = false")
    world.tick(LATER)
    assert states(world) == {"waiting": 5}
    prove_it(world, first, LATER)
    world.change("UPDATE sender SET verified = true")
    world.tick(LATER + MINUTE)
    assert set(world.delivered().values()) == {1}


@pytest.mark.parametrize("gone", ["suppressed", "exited", "deleted step"])
def test_who_is_gone_is_never_sent_again(unanswered: World, gone: str):
    """SPEC 6.6: never for those exited, suppressed or deleted; they count as presumed sent."""
    world = with_policy(unanswered, UnknownPolicy.RESEND)
    if gone == "suppressed":
        with world.store.transaction() as connection:
            suppress(connection, "person0@example.net", SuppressionReason.MANUAL, START + HOUR, source="test")
    elif gone == "exited":
        world.change(
            "UPDATE enrollment SET status = 'exited', exit_reason = 'manual', ended_at = $at "
            "WHERE contact_id = (SELECT id FROM contact WHERE email = 'person0@example.net')",
            at=START + HOUR,
        )
    else:
        world.change("UPDATE step SET deleted_at = $at WHERE position = 1", at=START + HOUR)
    world.tick(LATER)
    [row] = world.rows(
        "SELECT presumed, resends FROM message WHERE email = 'person0@example.net' AND resends = 0 "
        "ORDER BY created_at LIMIT 1"
    )
    assert row == {"presumed": True, "resends": 0}


def test_the_retry_budget_is_finite(world: World):
    """PAINS A5: an endless outage under `resend` ends as `delivery_failed`, visible, not in a loop."""
    world.domain()
    world.enroll(with_policy(world, UnknownPolicy.RESEND, resend_limit=2).sequence(), world.people(1))
    world.faults({"kind": "reset", "when": "before", "count": 1000})
    for days in range(6):
        world.tick(START + days * (DAY + HOUR))
    assert world.rows("SELECT state, reason, resends FROM message") == [
        {"state": "failed", "reason": "delivery_failed", "resends": 2}
    ]
    assert world.rows("SELECT exit_reason FROM enrollment") == [{"exit_reason": "delivery_failed"}]


def test_a_paused_enrollment_stays_paused(unanswered: World):
    """SPEC 6.3: settlement changes the message, and the enrollment's place, not its pause."""
    unanswered.change("UPDATE sequence SET status = 'paused', paused_at = $at", at=START)
    unanswered.change("UPDATE enrollment SET status = 'paused'")
    prove_it(unanswered, request_of(unanswered), START + HOUR)
    assert unanswered.rows("SELECT DISTINCT status, due_at FROM enrollment") == [
        {"status": "paused", "due_at": START + DAY}
    ]


def test_an_operator_settles_one_request(unanswered: World):
    """`xmit unknown --settle presume_sent --request ...`, before the day is over."""
    request = request_of(unanswered)
    with unanswered.store.transaction() as connection:
        settled = decide_unknown(
            connection, START + HOUR, UnknownPolicy.PRESUME_SENT, request_id=request, resend_limit=3
        )
    assert settled.presumed == 5
    with unanswered.store.transaction() as connection, pytest.raises(NotFound, match="xmit unknown"):
        decide_unknown(connection, START + HOUR, UnknownPolicy.RESEND, request_id=new_id(), resend_limit=3)


def test_a_place_of_the_day_is_kept(world: World):
    """SPEC 4: what is unknown keeps its place on the day of its post."""
    world.domain(warmup_on=True, start=10, target=10)
    world.enroll(world.sequence(), world.people(30))
    world.faults({"kind": "reset", "when": "after"})
    world.tick(START)
    assert world.tick(START + MINUTE).counts["claimed"] == 0
