"""Who joined, left or was heard of since the backup is not lost with it (SPEC 6.10, 7)."""

from tests.acceptance.backups import DAY, MINUTE, back_up, goes_on, restore, taken_back
from tests.campaigns import START, World
from tests.integration.events.feed import Feed
from xmit_pipeline.model.tokens import Wish
from xmit_pipeline.store.list_feeds import feed_list
from xmit_pipeline.store.lists import create_list
from xmit_pipeline.store.suppressions import lift_address
from xmit_pipeline.store.wish_files import keep_wish


def test_people_enrolled_since_the_backup_are_enrolled_again(world: World):
    """Landed people waited at the backup, and the tick enrolled them under ids that this store never saw."""
    world.domain()
    landed(world, 3)
    back_up(world)
    world.tick(START)
    enrollments = world.rows("SELECT id, contact_id FROM enrollment ORDER BY id")
    restore(world)
    back = taken_back(world, START + MINUTE).taken_back
    assert (back.enrolled, back.messages, back.strangers) == (3, 3, 0)
    assert world.rows("SELECT id, contact_id FROM enrollment ORDER BY id") == enrollments
    goes_on(world, START + MINUTE, accepted=3)
    assert world.rows("SELECT DISTINCT status FROM enrollment") == [{"status": "completed"}]


def test_who_was_enrolled_anew_before_reconcile_is_the_same_person(world: World):
    world.domain()
    sequence_id, people = world.sequence((0, 1)), world.people(3)
    back_up(world)
    world.enroll(sequence_id, people)
    world.tick(START)
    restore(world)
    world.enroll(sequence_id, people, START + MINUTE)
    taken_back(world, START + MINUTE)
    goes_on(world, START + MINUTE, accepted=3)
    assert world.tick(START + DAY).counts["sent"] == 3


def test_a_refused_tick_enrolls_nobody(world: World):
    """The ledger would fire under new ids what the journal says was posted under others."""
    world.domain()
    landed(world, 3)
    back_up(world)
    world.tick(START)
    restore(world)
    assert world.tick(START + MINUTE).report.refused
    assert world.rows("SELECT * FROM enrollment") == []


def landed(world: World, count: int) -> None:
    """A list that a file fills, and a sequence on it: its people wait for the next tick to enroll them."""
    with world.store.transaction() as connection:
        list_id = create_list(connection, "News", START)
    world.sequence((0,), list_id=list_id)
    file = world.settings.home / "news.csv"
    file.write_text("email\n" + "".join(f"n{number}@example.net\n" for number in range(count)))
    feed_list(world.store, world.settings.home, "News", file, START, whole=True)


def test_who_opted_out_since_the_backup_stays_out(enrolled: World):
    """PAINS A11, SPEC 7: a wish is kept outside the store as long as the journal."""
    enrolled.tick(START)
    back_up(enrolled)
    [mailed] = enrolled.rows("SELECT id, contact_id, email FROM message ORDER BY email LIMIT 1")
    keep_wish(enrolled.settings.home, Wish(mailed["id"], mailed["contact_id"]))
    enrolled.tick(START + DAY)
    restore(enrolled)
    assert taken_back(enrolled, START + DAY).heard == 1
    enrolled.tick(START + 2 * DAY)
    [contact] = enrolled.rows("SELECT status FROM contact WHERE id = $id", id=mailed["contact_id"])
    assert contact["status"] == "unsubscribed"
    assert len(enrolled.delivered()) == 30 + 29 + 29


def test_who_opted_out_by_mail_sent_since_stays_out(enrolled: World):
    """The message itself came back from the journal."""
    back_up(enrolled)
    enrolled.tick(START)
    [mailed] = enrolled.rows("SELECT id, contact_id FROM message ORDER BY email LIMIT 1")
    keep_wish(enrolled.settings.home, Wish(mailed["id"], mailed["contact_id"]))
    enrolled.tick(START + MINUTE)
    restore(enrolled)
    taken_back(enrolled, START + 2 * MINUTE)
    enrolled.tick(START + DAY)
    assert len(enrolled.delivered()) == 30 + 29


def test_a_wish_that_was_lifted_since_is_not_folded_again(enrolled: World):
    """A wrong clock alone brings no opt-out back that somebody has taken back."""
    enrolled.tick(START)
    [mailed] = enrolled.rows("SELECT id, contact_id, email FROM message ORDER BY email LIMIT 1")
    keep_wish(enrolled.settings.home, Wish(mailed["id"], mailed["contact_id"]))
    enrolled.tick(START + MINUTE)
    with enrolled.store.transaction() as connection:
        lift_address(connection, mailed["email"], START + MINUTE, who="somebody", force=True)
    assert taken_back(enrolled, START + 2 * MINUTE).heard == 0
    [contact] = enrolled.rows("SELECT status FROM contact WHERE id = $id", id=mailed["contact_id"])
    assert contact["status"] == "active"


def test_events_since_the_backup_are_heard_again(enrolled: World):
    """A bounce that came since still ends that enrollment: the archive stands outside the store."""
    feed = Feed(enrolled)
    enrolled.tick(START)
    back_up(enrolled)
    feed.told(feed.entry("bounce", feed.sent()[0], type="bounce", status="5.1.1", reason="550 no such user"))
    enrolled.tick(START + DAY)
    assert len(enrolled.delivered()) == 30 + 29
    known = enrolled.rows("SELECT sg_event_id, kind, message_id FROM event")
    restore(enrolled)
    assert taken_back(enrolled, START + DAY).heard == 1
    assert enrolled.rows("SELECT sg_event_id, kind, message_id FROM event") == known
    feed.fold(START + DAY)
    enrolled.tick(START + 2 * DAY)
    assert len(enrolled.delivered()) == 30 + 29 + 29
