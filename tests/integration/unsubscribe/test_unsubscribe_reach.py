"""What an opt-out means for those who are enrolled later, and for everybody else (SPEC 3)."""

from datetime import timedelta

from tests.campaigns import START, World
from tests.integration.unsubscribe.conftest import LATER, Mailbox

ADA, BOB = "person0@example.net", "person1@example.net"
DAY = timedelta(days=1)


def test_the_enroll_count_is_the_send_count(mailbox: Mailbox):
    """PAINS E7: who is not mailed is counted apart, with the reason, and before anything is sent."""
    world = mailbox.world
    mailbox.press(mailbox.token(ADA))
    people = [row["id"] for row in world.rows("SELECT id FROM contact")]
    result = world.enroll(world.sequence(name="News", now=LATER), people, LATER)
    assert (result.enrolled, result.skipped_reasons) == (2, {"inactive": 1})
    before = len(world.delivered())
    world.tick(LATER + timedelta(minutes=1))
    assert len(world.delivered()) - before == result.enrolled


def test_without_a_cap_all_mail_goes_at_once(mailbox: Mailbox):
    """PAINS E9: no frequency rule is set, so none holds: two sequences mail one person in one tick."""
    assert mailbox.world.rows(
        "SELECT email, count(*) AS n FROM message WHERE state = 'sent' GROUP BY ALL ORDER BY 1"
    ) == [{"email": email, "n": 2} for email in (ADA, BOB, "person2@example.net")]


def test_an_opt_out_ends_every_later_step(mailbox: Mailbox):
    """PAINS E1, E4: no later step of any sequence, for this person alone."""
    mailbox.press(mailbox.token(ADA))
    for day in range(1, 4):
        mailbox.world.tick(START + day * DAY)
    page = mailbox.world.sandbox.mailbox.page
    assert [page(to=email, limit=0).total for email in (ADA, BOB)] == [2, 6]


def test_another_contact_at_the_address_is_not_mailed(mailbox: Mailbox):
    """SPEC 3: it is the address that must not be mailed, whoever has it by now; the one who moved goes on."""
    world, token = mailbox.world, mailbox.token(ADA)
    world.change("UPDATE contact SET email = 'moved@example.net' WHERE email = $email", email=ADA)
    world.change("UPDATE contact SET email = $ada WHERE email = $bob", ada=ADA, bob=BOB)
    mailbox.press(token)
    assert mailbox.standing(ADA) == ("unsubscribed", ["unsubscribed"] * 2, ["unsubscribe"])
    assert mailbox.standing("moved@example.net") == ("active", ["active", "active"], [])


def test_a_lift_by_force_revives_nothing(mailbox: Mailbox, world: World):
    """SPEC 3: lifting re-opens enrolling; the enrollments stay ended, and the link works again."""
    from xmit_pipeline.store.suppressions import lift_address

    token = mailbox.token(ADA)
    mailbox.press(token)
    with world.store.transaction() as connection:
        lift_address(connection, ADA, LATER, who="tests", force=True)
    assert mailbox.standing(ADA) == ("active", ["unsubscribed"] * 2, [])
    mailbox.press(token)
    assert mailbox.standing(ADA) == ("unsubscribed", ["unsubscribed"] * 2, ["unsubscribe"])
