"""Who gets in, once; who gets out, at once; and who may come back (SPEC 3)."""

from uuid import UUID

import pytest

from tests.acceptance.lifecycle_people import (
    ADDRESS,
    DAY,
    MINUTE,
    bring_in,
    contact_status,
    join,
    leave,
    outcome,
    suppress,
)
from tests.campaigns import START, World
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.lifecycle import SuppressionReason, TriggerType
from xmit_pipeline.store import (
    audit,
    enrollments,
    frontier,
    invariants,
    lists,
    sequences,
    suppressions,
)


@pytest.fixture
def news(world: World) -> UUID:
    """A list; a domain is there too."""
    world.domain()
    with world.store.transaction() as connection:
        return lists.create_list(connection, "News", START)


@pytest.fixture
def person(world: World) -> UUID:
    return world.people(1)[0]


def reenrolling(world: World, list_id: UUID) -> UUID:
    sequence = world.sequence((0,), list_id=list_id)
    with world.store.transaction() as connection:
        sequences.update_sequence(connection, sequence, START, {"reenroll": True})
    return sequence


# who gets in


def test_leaving_and_rejoining_enrolls_nobody_again(world: World, news: UUID, person: UUID):
    """PAINS A8."""
    world.sequence((0,), list_id=news)
    assert join(world, news, person) == 1
    world.tick(START)
    leave(world, news, person)
    assert join(world, news, person, now=START + DAY) == 0
    world.tick(START + DAY)
    assert len(world.delivered()) == 1


def test_enrolling_who_is_in_is_reported_as_skipped(world: World, news: UUID, person: UUID):
    """PAINS A9, also where the sequence re-enrolls."""
    sequence = reenrolling(world, news)
    assert join(world, news, person) == 1
    assert world.enroll(sequence, [person]).skipped_reasons == {"already_enrolled": 1}
    assert outcome(world) == [("active", None)]


def test_a_call_re_enrolls_once_the_last_time_is_over(world: World, news: UUID, person: UUID):
    sequence = reenrolling(world, news)
    world.enroll(sequence, [person])
    world.tick(START)
    assert world.enroll(sequence, [person], START + DAY).enrolled == 1
    world.tick(START + DAY)
    assert outcome(world) == [("completed", None)] * 2
    assert list(world.delivered().values()) == [1, 1]


def test_a_list_addition_re_enrolls_who_had_left_since(world: World, news: UUID, person: UUID):
    reenrolling(world, news)
    join(world, news, person)
    world.tick(START)
    assert join(world, news, person, now=START + DAY) == 0
    leave(world, news, person, now=START + DAY)
    assert join(world, news, person, now=START + DAY) == 1


def test_who_left_before_their_last_enrollment_does_not_return_by_list(
    world: World, news: UUID, person: UUID
):
    """Leaving counts from the last enrollment on; taking off who is not there is no leaving."""
    sequence = reenrolling(world, news)
    join(world, news, person)
    world.tick(START)
    leave(world, news, person, now=START + MINUTE)
    world.enroll(sequence, [person], START + DAY)
    world.tick(START + DAY)
    leave(world, news, person, now=START + 2 * DAY)
    assert join(world, news, person, now=START + 3 * DAY) == 0


def test_nobody_suppressed_returns(world: World, news: UUID, person: UUID):
    sequence = reenrolling(world, news)
    world.enroll(sequence, [person])
    world.tick(START)
    suppress(world, SuppressionReason.MANUAL)
    assert world.enroll(sequence, [person], START + DAY).skipped_reasons == {"suppressed": 1}


@pytest.mark.parametrize("status", ["draft", "paused"])
def test_nobody_gathers_in_what_does_not_run(world: World, news: UUID, person: UUID, status: str):
    """PAINS D3: refused by call, passed over by list, and not caught up."""
    with world.store.transaction() as connection:
        sequence = sequences.create_sequence(
            connection, START, name="s", trigger_type=TriggerType.LIST_ADD, trigger_list_id=news
        )
    if status == "paused":
        sequence = world.sequence((0,), list_id=news)
        with world.store.transaction() as connection:
            sequences.pause(connection, sequence, START)
    with pytest.raises(Conflict, match=status):
        world.enroll(sequence, [person])
    assert join(world, news, person) == 0
    if status == "paused":
        with world.store.transaction() as connection:
            sequences.resume(connection, sequence, START)
    assert world.tick(START).counts["claimed"] == 0


@pytest.mark.parametrize("way", ["call", "list", "import"])
def test_each_way_in_works_on_a_fresh_install(world: World, news: UUID, way: str):
    """PAINS C7: every trigger, end to end, nodes after the first e-mail included. Feeds have tests of their own."""
    sequence = world.sequence((0, 1), list_id=news)
    if way == "import":
        bring_in(world, news)
    else:
        [person] = world.people(1)
        if way == "list":
            join(world, news, person)
        else:
            world.enroll(sequence, [person])
    for days in (1, 2):
        world.tick(START + days * DAY)
    assert outcome(world) == [("completed", None)]
    assert len(world.delivered()) == 2


# who gets out


KINDS = {
    SuppressionReason.UNSUBSCRIBE: ("unsubscribed", "unsubscribed", "inactive"),
    SuppressionReason.BOUNCE: ("bounced", "bounced", "inactive"),
    SuppressionReason.COMPLAINT: ("complained", "complained", "inactive"),
    SuppressionReason.MANUAL: ("active", "suppressed", "suppressed"),
}


@pytest.mark.parametrize("reason", KINDS)
def test_a_suppression_ends_what_is_open_at_once(world: World, person: UUID, reason: SuppressionReason):
    """PAINS E1, E3, E4: from active and from paused, that contact alone."""
    world.domain()
    status, exit_reason, skip_reason = KINDS[reason]
    [other] = world.people(1, prefix="other")
    first, second = world.sequence((0,), name="one"), world.sequence((0,), name="two")
    for sequence in (first, second):
        world.enroll(sequence, [person])
    world.enroll(first, [other])
    with world.store.transaction() as connection:
        sequences.pause(connection, second, START)
    suppress(world, reason)
    assert world.rows("SELECT status FROM contact WHERE id = $id", id=person) == [{"status": status}]
    assert sorted(outcome(world)) == [("active", None), ("exited", exit_reason), ("exited", exit_reason)]
    assert world.rows("SELECT state, reason FROM message") == [{"state": "skipped", "reason": skip_reason}]
    world.tick(START)
    assert len(world.delivered()) == 1


@pytest.mark.usefixtures("person")
def test_the_same_reason_twice_is_a_conflict(world: World):
    suppress(world, SuppressionReason.BOUNCE, days=90)
    with pytest.raises(Conflict, match="already"):
        suppress(world, SuppressionReason.BOUNCE, days=30)
    suppress(world, SuppressionReason.BOUNCE)
    suppress(world, SuppressionReason.MANUAL)
    with world.store.snapshot() as connection:
        found = suppressions.suppressions_page(connection, START, q="PERSON0")
    assert [row["total"] for row in found] == [3, 3, 3]


def test_a_suppression_that_is_over_before_it_begins_is_refused(world: World):
    with pytest.raises(BadInput, match="past"):
        suppress(world, SuppressionReason.MANUAL, days=-1)


def test_expiry_opens_enrolling_and_revives_nothing(world: World, person: UUID):
    world.domain()
    first, second = world.sequence((0,), name="one"), world.sequence((0,), name="two")
    world.enroll(first, [person])
    suppress(world, SuppressionReason.BOUNCE, days=90)
    later = START + 90 * DAY
    assert world.enroll(second, [person], later - MINUTE).skipped_reasons == {"inactive": 1}
    with world.store.snapshot() as connection:
        assert frontier.look(connection, later) == "suppressions that have run out"
    assert world.enroll(second, [person], later).enrolled == 1
    assert (contact_status(world), outcome(world)) == ("active", [("exited", "bounced"), ("active", None)])


@pytest.mark.usefixtures("person")
def test_a_tick_ends_what_has_run_out(world: World):
    suppress(world, SuppressionReason.UNSUBSCRIBE, days=1)
    suppress(world, SuppressionReason.BOUNCE)
    world.tick(START + DAY)
    assert contact_status(world) == "bounced"
    with world.store.snapshot() as connection:
        assert [row["reason"] for row in suppressions.suppressions_of(connection, ADDRESS, START + DAY)] == [
            "bounce"
        ]


@pytest.mark.parametrize(
    ("reason", "force", "allowed"),
    [
        (SuppressionReason.MANUAL, False, True),
        (SuppressionReason.BOUNCE, False, True),
        (SuppressionReason.UNSUBSCRIBE, False, False),
        (SuppressionReason.COMPLAINT, False, False),
        (SuppressionReason.UNSUBSCRIBE, True, True),
        (SuppressionReason.COMPLAINT, True, True),
    ],
)
@pytest.mark.usefixtures("person")
def test_operators_lift_what_is_theirs(
    world: World, reason: SuppressionReason, *, force: bool, allowed: bool
):
    """SPEC 3: the person's own word only with force, and then the audit knows who did."""
    suppression = suppress(world, reason)
    with world.store.transaction() as connection:
        if not allowed:
            with pytest.raises(Conflict, match="only the person"):
                suppressions.lift_suppression(connection, suppression, START, who="key ops", force=force)
            return
        suppressions.lift_suppression(connection, suppression, START, who="key ops", force=force)
        [entry] = audit.audit_page(connection)
        with pytest.raises(NotFound):
            suppressions.lift_address(connection, ADDRESS, START, who="key ops")
    assert (entry["who"], entry["what"]) == ("key ops", "suppression.lift")
    assert f'"forced":{str(force).lower()}' in entry["details"]
    assert contact_status(world) == "active"


@pytest.mark.usefixtures("person")
def test_lifting_an_address_is_all_or_nothing(world: World):
    for reason in (SuppressionReason.BOUNCE, SuppressionReason.UNSUBSCRIBE):
        suppress(world, reason)
    with world.store.transaction() as connection:
        with pytest.raises(Conflict):
            suppressions.lift_address(connection, ADDRESS, START, who="ops")
        assert suppressions.lift_address(connection, ADDRESS, START, who="ops", force=True) == 2


def test_an_import_that_says_unsubscribed_ends_what_is_open(world: World, person: UUID):
    """SPEC 9: an import only tightens; it never loosens."""
    world.domain()
    world.enroll(world.sequence((0,)), [person])
    bring_in(world, None, status="unsubscribed")
    bring_in(world, None, status="bounced")
    assert (contact_status(world), outcome(world)) == ("unsubscribed", [("exited", "unsubscribed")])


# nobody is forgotten


def test_the_watchdog_finds_who_has_no_future(world: World, person: UUID):
    """PAINS C11, D2: an active enrollment without a due time and without an open message."""
    world.domain()
    world.enroll(world.sequence((1,)), [person])
    world.change("UPDATE enrollment SET due_at = NULL")
    with world.store.snapshot() as connection:
        assert set(invariants.breaches(connection)) == {
            "an active enrollment is due or has an open message, never both"
        }


def test_a_manual_exit_is_refused_for_who_is_through(world: World, person: UUID):
    world.domain()
    sequence = world.sequence((0,))
    world.enroll(sequence, [person])
    world.tick(START)
    [row] = world.rows("SELECT id FROM enrollment")
    with world.store.transaction() as connection, pytest.raises(Conflict, match="completed"):
        enrollments.exit_one(connection, sequence, row["id"], START)
