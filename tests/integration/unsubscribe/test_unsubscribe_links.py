"""Links outlive secrets, contacts, addresses and messages (SPEC 7, Unsubscribe; SPEC 3)."""

from datetime import timedelta
from uuid import UUID

from tests.campaigns import START, World
from tests.integration.unsubscribe.conftest import Mailbox, client_of
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.tokens import Wish
from xmit_pipeline.store.contact_changes import delete_contact, update_contact
from xmit_pipeline.store.wish_files import keep_wish, waiting_wishes, wish_waits
from xmit_pipeline.store.wishes import fold_wishes

ADA, BOB = "person0@example.net", "person1@example.net"


def contact_of(world: World, email: str) -> UUID:
    return world.rows("SELECT id FROM contact WHERE email = $email", email=email)[0]["id"]


def suppressed(world: World) -> list[str]:
    return [row["email"] for row in world.rows("SELECT email FROM suppression ORDER BY email")]


def delete(mailbox: Mailbox, email: str) -> None:
    with mailbox.world.store.transaction() as connection:
        delete_contact(connection, contact_of(mailbox.world, email), START)


def test_a_year_old_link_works_after_two_rotations_and_deletion(mailbox: Mailbox):
    """SPEC 7: never expires, survives secret rotation (old secrets verify) and contact deletion."""
    world, token = mailbox.world, mailbox.token(ADA)
    delete(mailbox, ADA)
    secrets = ("a third secret, newest", "a second secret, older", world.settings.secret)
    with client_of(world, START + timedelta(days=365), secrets=secrets) as client:
        assert "You are unsubscribed" in client.post(f"/u/{token}").text
    assert suppressed(world) == [ADA]


def test_who_was_deleted_comes_back_unsubscribed(mailbox: Mailbox):
    """SPEC 3: deleting keeps a keyed hash of the address; a re-import lifts nothing and restarts nothing."""
    token = mailbox.token(ADA)
    delete(mailbox, ADA)
    mailbox.press(token)
    (contact,) = mailbox.world.rows("SELECT status FROM contact WHERE deleted_at IS NOT NULL")
    assert contact["status"] == "unsubscribed"


def test_a_dropped_secret_no_longer_verifies(mailbox: Mailbox):
    """What is not in XMIT_SECRET any more signs nothing: an operator's way to void a leaked one."""
    with client_of(mailbox.world, secrets=("another secret altogether",)) as client:
        assert "not whole" in client.post(f"/u/{mailbox.token(ADA)}").text
    assert suppressed(mailbox.world) == []


def test_the_address_that_was_mailed_is_suppressed(mailbox: Mailbox):
    """SPEC 3: links act on the address that was mailed, and on the contact only while it is still theirs."""
    world, token = mailbox.world, mailbox.token(ADA)
    with world.store.transaction() as connection:
        update_contact(connection, contact_of(world, ADA), START, {"email": "ada@new.example"})
    mailbox.press(token)
    assert suppressed(world) == [ADA]
    assert mailbox.standing("ada@new.example") == ("active", ["active", "active"], [])


def test_a_link_outlives_its_message(mailbox: Mailbox):
    """SPEC 7: survives compaction; then the contact's present address is the one."""
    token = mailbox.token(ADA)
    mailbox.world.change("DELETE FROM message")
    mailbox.press(token)
    assert suppressed(mailbox.world) == [ADA]


def test_every_mail_of_a_person_ends_the_same(mailbox: Mailbox):
    """A link of an old step works as the newest one's does."""
    mailbox.world.tick(START + timedelta(days=1))
    oldest = mailbox.world.sandbox.mailbox.page(to=ADA).mails[-1]
    mailbox.press(oldest.headers["List-Unsubscribe"].strip("<>").rpartition("/u/")[2])
    assert mailbox.standing(ADA)[1] == ["unsubscribed", "unsubscribed"]


def test_a_wish_of_unknown_mail_waits_aside(mailbox: Mailbox):
    """SPEC 6.10: a restored store learns of its mail by `xmit reconcile`; until then the wish is kept."""
    world, token = mailbox.world, mailbox.token(ADA)
    world.change("CREATE TABLE kept AS FROM contact WHERE email = $email", email=ADA)
    world.change("CREATE TABLE kept_message AS FROM message WHERE email = $email", email=ADA)
    world.change("DELETE FROM contact WHERE email = $email", email=ADA)
    world.change("DELETE FROM message WHERE email = $email", email=ADA)
    mailbox.press(token)
    assert not wish_waits(world.settings.home)
    assert len(waiting_wishes(world.settings.home)) == 1

    world.change("INSERT INTO contact FROM kept")
    world.change("INSERT INTO message FROM kept_message")
    assert fold_wishes(world.store, world.settings.home, FixedClock(START)) == 1
    assert suppressed(world) == [ADA]
    assert waiting_wishes(world.settings.home) == {}


def test_folding_a_wish_twice_changes_nothing(mailbox: Mailbox):
    """A death between commit and clearing up leaves the file: a replay is harmless."""
    world, home = mailbox.world, mailbox.world.settings.home
    (message,) = world.rows("SELECT id, contact_id FROM message WHERE email = $email LIMIT 1", email=ADA)
    wish = Wish(message["id"], message["contact_id"])
    keep_wish(home, wish)
    assert fold_wishes(world.store, home, FixedClock(START)) == 1
    before = mailbox.everything()
    keep_wish(home, wish)
    assert fold_wishes(world.store, home, FixedClock(START)) == 1
    assert mailbox.everything() == before


def test_many_wishes_fold_in_one_transaction(world: World):
    """Set-based: two hundred people leave at once."""
    world.domain()
    people = world.people(200)
    world.enroll(world.sequence((0, 1)), people)
    world.tick(START)
    for row in world.rows("SELECT id, contact_id FROM message WHERE email <> $email", email=ADA):
        keep_wish(world.settings.home, Wish(row["id"], row["contact_id"]))
    assert fold_wishes(world.store, world.settings.home, FixedClock(START)) == 199
    assert world.rows("SELECT status, count(*) AS n FROM contact GROUP BY ALL ORDER BY n") == [
        {"status": "active", "n": 1},
        {"status": "unsubscribed", "n": 199},
    ]
