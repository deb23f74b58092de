"""Warmup over simulated days: the curve, its end, pacing, and domains that never share (SPEC 4)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.campaigns import START, World, curve
from xmit_pipeline.store import senders, warmup

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
TABLE = [25, 38, 56, 84, 127, 190, 285, 427, 641, 961, 1442, 2162, 3244, 4865, 5000]


def sent_by_day(world: World, domain: object) -> list[int]:
    rows = world.rows(
        "SELECT quota_day, sum(size)::INTEGER AS sent FROM request WHERE domain_id = $domain AND state = 'accepted' "
        "GROUP BY quota_day ORDER BY quota_day",
        domain=domain,
    )
    return [row["sent"] for row in rows]


def test_sixteen_days_follow_the_table_and_then_no_limit(world: World):
    """PAINS H1, H6: the ramp never jumps before its end; SPEC 4: completed at the turn of the first full day."""
    domain = world.domain(warmup_on=True, pacing=False)
    world.enroll(world.sequence(), world.people(27_000))
    for day in range(16):
        for hour in (0, 9, 23):
            world.tick(MIDNIGHT + timedelta(days=day, hours=max(hour, 10 if day == 0 else 0)))
    assert sent_by_day(world, domain) == [*TABLE, 27_000 - sum(TABLE)]


def test_a_held_target_keeps_its_limit(world: World):
    domain = world.domain(warmup_on=True, pacing=False, hold_target=True, table=[10])
    world.enroll(world.sequence(), world.people(100))
    for day in range(1, 5):
        world.tick(MIDNIGHT + timedelta(days=day))
    assert sent_by_day(world, domain) == [10, 10, 10, 10]


def test_two_domains_never_share(world: World):
    """PAINS H4: each sender's mail counts on its own domain alone."""
    small = world.domain("small.example", warmup_on=True, pacing=False, table=[7])
    large = world.domain("large.example", warmup_on=True, pacing=False, table=[30])
    people = world.people(100)
    for domain in (small, large):
        world.enroll(world.sequence(name=str(domain), sender_id=world.sender_of(domain)), people)
    world.tick(START)
    world.tick(START + timedelta(hours=1))
    assert (sent_by_day(world, small), sent_by_day(world, large)) == ([7], [30])


def test_a_newcomer_passes_yesterdays_backlog(world: World):
    """SPEC 4, pacing: with 10,000 waiting since yesterday, who joins at 10:00 gets the welcome at 10:00."""
    world.domain(warmup_on=True, **curve(25, 5000))
    sequence = world.sequence(now=START - timedelta(days=1))
    world.enroll(sequence, world.people(10_000), START - timedelta(days=1))
    for hour in range(10):
        world.tick(MIDNIGHT + timedelta(hours=hour, minutes=59))
    ten = MIDNIGHT + timedelta(hours=10)
    newcomer = world.people(1, prefix="newcomer", now=ten)
    world.enroll(sequence, newcomer, ten)
    world.tick(ten)
    [message] = world.rows("SELECT state, sent_at FROM message WHERE contact_id = $id", id=newcomer[0])
    assert message == {"state": "sent", "sent_at": ten}


@pytest.mark.parametrize("hour", [0, 7, 15, 23])
def test_a_backlog_takes_its_share_of_the_day_by_the_hour(world: World, hour: int):
    domain = world.domain(warmup_on=True, table=[100])
    world.enroll(world.sequence(), world.people(500), START - timedelta(days=1))
    world.tick(MIDNIGHT + timedelta(hours=hour, minutes=30))
    assert sent_by_day(world, domain) == [100 * (hour + 1) // 24]


def test_deferred_mail_leaves_by_itself_oldest_first(world: World):
    """PAINS H3: no release by hand."""
    world.domain(warmup_on=True, pacing=False, table=[10])
    sequence = world.sequence()
    early, late = world.people(10, prefix="early"), world.people(10, prefix="late")
    world.enroll(sequence, late, START + timedelta(minutes=5))
    world.enroll(sequence, early, START)
    world.tick(START + timedelta(hours=1))
    world.tick(MIDNIGHT + timedelta(days=1))
    days = world.rows("""
        SELECT sent_at::DATE AS day, list(contact_id ORDER BY contact_id) AS people
        FROM message GROUP BY day ORDER BY day
    """)
    assert [row["people"] for row in days] == [sorted(early), sorted(late)]


def test_a_deferral_says_which_wall_and_until_when(world: World):
    """PAINS H6."""
    world.domain(warmup_on=True, pacing=False, table=[10])
    world.enroll(world.sequence(), world.people(25))
    [group] = world.tick(START).waiting
    assert (group.deferred, group.wall, group.frees_at) == (15, "warmup_day", MIDNIGHT + timedelta(days=1))


def test_a_lower_limit_holds_at_once(world: World):
    """PAINS H6: a quota cut after scheduling holds; SPEC 4: changing a limit applies to what is left."""
    domain = world.domain(warmup_on=True, pacing=False, table=[50])
    sequence = world.sequence()
    world.enroll(sequence, world.people(20))
    world.tick(START)
    with world.store.transaction() as connection:
        warmup.configure(connection, domain, START, table=[25])
    world.enroll(sequence, world.people(30, prefix="more"))
    world.tick(START + timedelta(minutes=1))
    assert sent_by_day(world, domain) == [25]


def test_a_restart_keeps_the_days_count(world: World):
    """PAINS H7: the count is in the store, and survives the process."""
    domain = world.domain(warmup_on=True, pacing=False, table=[10])
    world.enroll(world.sequence(), world.people(25))
    world.tick(START)
    world.store.close()
    world.tick(START + timedelta(minutes=1))
    assert sent_by_day(world, domain) == [10]


def test_a_pause_holds_and_its_resume_takes_up_the_day(world: World):
    domain = world.domain(warmup_on=True, pacing=False, table=[10, 20, 30])
    world.enroll(world.sequence(), world.people(100))
    world.tick(START)
    with world.store.transaction() as connection:
        warmup.pause(connection, domain, START, "by hand")
    [group] = world.tick(START + timedelta(days=5)).waiting
    assert (group.wall, group.frees_at) == ("warmup_paused", None)
    back = START + timedelta(days=9)
    with world.store.transaction() as connection:
        warmup.resume(connection, domain, back)
    world.tick(back)
    world.tick(back + timedelta(days=1))
    assert sent_by_day(world, domain) == [10, 10, 20]


def test_a_hundred_sequences_due_at_once_all_progress(world: World):
    """PAINS C4, SPEC 4: inside a priority class sequences take places in turn."""
    world.domain(warmup_on=True, pacing=False, table=[200])
    people = world.people(50)
    for number in range(100):
        world.enroll(world.sequence(name=f"s{number}"), people)
    world.tick(START)
    taken = world.rows("SELECT sequence_id, count(*) AS n FROM message WHERE state = 'sent' GROUP BY ALL")
    assert [row["n"] for row in taken] == [2] * 100


def test_a_class_of_lower_number_goes_first(world: World):
    world.domain(warmup_on=True, pacing=False, table=[30])
    people = world.people(20)
    later = world.sequence(name="later", priority=200)
    first = world.sequence(name="first", priority=1)
    for sequence in (later, first):
        world.enroll(sequence, people)
    world.tick(START)
    taken = {
        row["sequence_id"]: row["n"]
        for row in world.rows("SELECT sequence_id, count(*) AS n FROM message GROUP BY ALL")
    }
    assert taken == {first: 20, later: 10}


def test_an_unverified_domain_defers_as_sender_unusable(world: World):
    domain = world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.change("UPDATE domain SET verified = false WHERE id = $id", id=domain)
    [group] = world.tick(START).waiting
    assert (group.deferred, group.wall) == (3, "sender_unusable")


def test_the_default_sender_stands_in_for_none(world: World):
    world.domain("one.example")
    other = world.domain("two.example")
    with world.store.transaction() as connection:
        senders.set_default(connection, world.sender_of(other))
    world.enroll(world.sequence(), world.people(1))
    world.tick(START)
    assert [mail.sender for mail in world.sandbox.mailbox.page().mails] == ["hello@two.example"]


def test_enabling_a_paused_domain_begins_with_its_resume(world: World):
    domain = world.domain()
    world.enroll(world.sequence(), world.people(20))
    with world.store.transaction() as connection:
        warmup.pause(connection, domain, START, "by hand")
        warmup.configure(connection, domain, START, enabled=True, pacing=False, table=[5, 10])
    assert world.tick(START).counts["sent"] == 0
    later = START + timedelta(days=3)
    with world.store.transaction() as connection:
        warmup.resume(connection, domain, later)
    world.tick(later)
    assert sent_by_day(world, domain) == [5]
