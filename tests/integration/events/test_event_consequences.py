"""What events ask for is done in the same tick: suppressions, statuses, exits, soft bounces (SPEC 3, 7)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.campaigns import START, World
from tests.integration.events.feed import Feed, campaign
from xmit_pipeline.store.contact_changes import update_contact
from xmit_pipeline.store.suppressions import lift_address, suppressions_of

BLOCK = {"type": "blocked", "reason": "452 4.2.2 The mailbox is full"}


def suppressed(world: World, email: str, now: Any = START + timedelta(hours=1)) -> list[tuple[str, Any]]:
    with world.store.snapshot() as connection:
        return [(row["reason"], row["expires_at"]) for row in suppressions_of(connection, email, now)]


@pytest.mark.parametrize("first", ["soft", "complaint", "both"])
def test_the_earliest_cause_wins_soft_bounces_too(world: World, feed: Feed, first: str):
    """SPEC 7: the fifth bounce in a row came before the complaint, whichever was folded first."""
    campaign(world, people=1)
    [person] = world.rows("SELECT id FROM contact")
    for number in range(4):
        world.enroll(world.sequence(name=f"one {number}"), [person["id"]])
    world.tick(START)
    mails = feed.sent()
    soft = [
        feed.entry("bounce", mail, type="blocked", reason="mailbox full", after=60 + number)
        for number, mail in enumerate(mails)
    ]
    complaint = [feed.entry("spamreport", mails[0], after=600)]
    bodies = {"soft": [soft, complaint], "complaint": [complaint, soft], "both": [soft + complaint]}
    for body in bodies[first]:
        feed.told(*body)
    [left] = world.rows("SELECT exit_reason, exit_event_at FROM enrollment WHERE status = 'exited'")
    assert left == {"exit_reason": "bounced", "exit_event_at": START + timedelta(seconds=64)}


@pytest.mark.parametrize(
    ("kind", "fields", "status", "reason"),
    [
        ("bounce", {"type": "bounce", "status": "5.1.1"}, "bounced", "bounce"),
        ("bounce", {"status": None}, "bounced", "bounce"),
        ("dropped", {"reason": "Bounced Address"}, "bounced", "bounce"),
        ("dropped", {"reason": "invalid"}, "bounced", "bounce"),
        ("dropped", {"reason": "Unsubscribed Address"}, "unsubscribed", "unsubscribe"),
        ("dropped", {"reason": "Spam Reporting Address"}, "complained", "complaint"),
        ("spamreport", {}, "complained", "complaint"),
        ("unsubscribe", {}, "unsubscribed", "unsubscribe"),
        ("group_unsubscribe", {"asm_group_id": 7}, "unsubscribed", "unsubscribe"),
    ],
)
def test_what_ends_it_ends_it_in_one_fold(
    world: World, feed: Feed, kind: str, fields: dict[str, Any], status: str, reason: str
):
    """PAINS E3, SPEC 3: and for this person alone."""
    campaign(world, people=2)
    feed.told(feed.entry(kind, feed.sent()[0], **fields))
    assert feed.statuses() == {
        "person0@example.net": ("exited", status, status), "person1@example.net": ("active", None, "active"),
    }  # fmt: skip
    assert suppressed(world, "person0@example.net") == [(reason, None)]
    assert world.tick(START + timedelta(days=1)).counts["sent"] == 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("bounce", BLOCK),
        ("bounce", {"type": "blocked"}),
        ("bounce", {"status": "4.4.1"}),
        ("bounce", {"type": "expired"}),
        ("dropped", {"reason": "Recipient List over Package Quota"}),
        ("dropped", {"reason": "Spam Content"}),
        ("dropped", {"reason": "Invalid SMTPAPI header"}),
        ("dropped", {}),
        ("deferred", {"attempt": "3", "response": "451 try later"}),
        ("group_resubscribe", {}),
        ("account_status_change", {}),
    ],
)
def test_what_passes_by_ends_nothing(world: World, feed: Feed, kind: str, fields: dict[str, Any]):
    """SPEC 7: `blocked`, and drops for quota or content, do not exit or suppress."""
    campaign(world, people=1)
    feed.told(feed.entry(kind, feed.sent()[0], **fields))
    assert feed.statuses() == {"person0@example.net": ("active", None, "active")}
    assert suppressed(world, "person0@example.net") == []


def often_mailed(world: World, times: int) -> None:
    world.domain()
    people = world.people(1)
    for number in range(times):
        world.enroll(world.sequence((0, 30), name=f"s{number}"), people)
    world.tick(START)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("ssss", False),
        ("sssss", True),
        ("ssdsss", False),
        ("dsssss", True),
        ("sssssd", True),
        ("ccccc", False),
        ("sscsss", True),
        ("zzzzz", False),
        ("ffffff", False),
    ],
)
def test_five_soft_bounces_in_a_row_suppress(world: World, feed: Feed, kinds: str, *, expected: bool):
    """PAINS E10, SPEC 3: no delivery between; size and content (c, z) never count, nor do deferrals (f)."""
    said = {
        "s": ("bounce", BLOCK), "d": ("delivered", {}), "f": ("deferred", {}),
        "c": ("bounce", {"type": "blocked", "bounce_classification": "Content"}),
        "z": ("bounce", {"type": "blocked", "status": "5.3.4", "reason": "552 5.3.4 Message size exceeds limit"}),
    }  # fmt: skip
    often_mailed(world, len(kinds))
    messages = feed.sent()
    for number, letter in enumerate(kinds):
        kind, fields = said[letter]
        feed.told(feed.entry(kind, messages[number], after=60 * number, **fields))
    found = suppressed(world, "person0@example.net")
    assert [reason for reason, _ in found] == (["bounce"] if expected else [])
    if expected:
        last = max(number for number, letter in enumerate(kinds) if letter == "s")
        assert found[0][1] == START + timedelta(days=90, minutes=last)
        assert feed.statuses()["person0@example.net"][2] == "bounced"
        feed.fold(START + timedelta(days=91))
        assert feed.statuses()["person0@example.net"][2] == "active"


def test_one_mail_that_is_blocked_often_is_one_bounce(world: World, feed: Feed):
    campaign(world, people=1)
    message = feed.sent()[0]
    feed.told(*(feed.entry("bounce", message, after=60 * number, **BLOCK) for number in range(9)))
    assert suppressed(world, "person0@example.net") == []


def test_late_delivery_takes_back_a_row_of_soft_bounces(world: World, feed: Feed):
    """docs/events.md: the suppression goes; who has exited by it does not come back (SPEC 3)."""
    often_mailed(world, 6)
    messages = feed.sent()
    feed.told(*(feed.entry("bounce", messages[number], after=60 * number, **BLOCK) for number in range(5)))
    assert suppressed(world, "person0@example.net") != []
    feed.told(feed.entry("delivered", messages[5], after=90))
    assert suppressed(world, "person0@example.net") == []
    assert feed.statuses()["person0@example.net"] == ("exited", "bounced", "active")


def test_lifted_suppression_does_not_come_back_by_an_old_event(world: World, feed: Feed):
    """SPEC 7: what is lifted here is kept from returning; a new bounce is a new word."""
    campaign(world, people=1)
    message = feed.sent()[0]
    bounce = feed.entry("bounce", message, type="bounce")
    feed.told(bounce)
    with world.store.transaction() as connection:
        lift_address(connection, message["email"], START + timedelta(hours=2), who="operator")
    feed.told(feed.entry("bounce", message, after=90, type="bounce"), now=START + timedelta(hours=3))
    assert suppressed(world, message["email"], START + timedelta(hours=3)) == []
    feed.told(feed.entry("bounce", message, after=4 * 3600, type="bounce"), now=START + timedelta(hours=5))
    assert suppressed(world, message["email"], START + timedelta(hours=5)) == [("bounce", None)]


def test_events_act_on_the_address_that_was_mailed(world: World, feed: Feed):
    """SPEC 3: and on the contact only while it is still theirs."""
    campaign(world, people=1)
    message = feed.sent()[0]
    contact_id: UUID = message["contact_id"]
    with world.store.transaction() as connection:
        update_contact(connection, contact_id, START, {"email": "moved@example.net"})
    feed.told(feed.entry("spamreport", message, email="somebody@else.example"))
    assert suppressed(world, "person0@example.net") == [("complaint", None)]
    assert suppressed(world, "moved@example.net") == []
    assert suppressed(world, "somebody@else.example") == []
    assert feed.statuses() == {"moved@example.net": ("active", None, "active")}


def test_paused_enrollments_exit_too(world: World, feed: Feed):
    """SPEC 3: from active and from paused."""
    sequence_id = campaign(world, people=1)
    world.change("UPDATE sequence SET status = 'paused' WHERE id = $id", id=sequence_id)
    world.change("UPDATE enrollment SET status = 'paused'")
    feed.told(feed.entry("unsubscribe", feed.sent()[0]))
    assert feed.statuses()["person0@example.net"][:2] == ("exited", "unsubscribed")


def test_the_earliest_event_is_why_somebody_left(world: World, feed: Feed):
    """Whichever was folded first: any order gives the same store."""
    campaign(world, people=1)
    message = feed.sent()[0]
    feed.told(feed.entry("spamreport", message, after=120))
    feed.told(feed.entry("unsubscribe", message, after=60))
    assert feed.statuses()["person0@example.net"] == ("exited", "unsubscribed", "complained")


def test_consequences_survive_a_death_between_the_assets(world: World, feed: Feed):
    """The fold writes down what is to be done; whoever comes next does it."""
    from xmit_pipeline.store.event_consequences import consequences_wait
    from xmit_pipeline.store.events import fold_events

    campaign(world, people=1)
    feed.land(feed.entry("unsubscribe", feed.sent()[0]))
    fold_events(world.store, world.settings, START + timedelta(hours=1))
    with world.store.snapshot() as connection:
        assert consequences_wait(connection)
    feed.fold()
    assert feed.statuses()["person0@example.net"][0] == "exited"


def test_one_orphan_told_five_times_is_one_soft_bounce(world: World, feed: Feed):
    """PAINS F3: a retry may word it anew under the same `sg_event_id`; a row of five takes five mails."""
    campaign(world, 1)
    feed.told(
        *(
            feed.entry(
                "bounce",
                email="person0@example.net",
                type="blocked",
                reason=f"try {number}",
                sg_event_id="one and the same",
            )
            for number in range(5)
        )
    )
    assert world.rows("SELECT 1 FROM suppression") == []
