"""Minutes in which nobody may go start no run, and nothing goes later or otherwise for it (DESIGN 6)."""

from datetime import datetime, timedelta

from tests.campaigns import START, World
from xmit_pipeline.store import frontier, warmup

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIDNIGHT = START.replace(hour=0, minute=0) + DAY
PACE = 30 * MINUTE


def pass_time(world: World, until: datetime, now: datetime = START) -> tuple[dict[datetime, int], int]:
    """A look each half hour, and a tick where it asks for one: how many went when, and how many ticks ran."""
    went: dict[datetime, int] = {}
    ticks = 0
    while now < until:
        if looked(world, now):
            ticks += 1
            if sent := world.tick(now).counts["sent"]:
                went[now] = sent
        now += PACE
    return went, ticks


def looked(world: World, now: datetime) -> str | None:
    with world.store.snapshot() as connection:
        return frontier.look(connection, now)


def test_mail_over_the_days_limit_starts_few_runs_and_misses_no_midnight(world: World):
    """Deferred mail leaves by itself with the next day's first look (SPEC 4, PAINS H3)."""
    world.domain(warmup_on=True, pacing=False, hold_target=True, table=[2])
    world.enroll(world.sequence((0,)), world.people(5))
    went, ticks = pass_time(world, MIDNIGHT + DAY + HOUR)
    assert went == {START: 2, MIDNIGHT: 2, MIDNIGHT + DAY: 1}
    assert ticks <= 3 + (MIDNIGHT + DAY - START) / HOUR


def test_a_backlog_goes_with_the_hour_that_paces_it(world: World):
    """SPEC 4, Pacing: by hour h a backlog may have had floor(L * (h+1) / 24) places."""
    world.domain(warmup_on=True, hold_target=True, table=[24])
    world.enroll(world.sequence((0,)), world.people(13), START - 2 * HOUR)
    went, _ = pass_time(world, START + 4 * HOUR)
    assert went == {START: 10, START + HOUR / 2: 1, START + 1.5 * HOUR: 1, START + 2.5 * HOUR: 1}


def test_a_warmup_that_completes_lets_all_go_at_once(world: World):
    """SPEC 2: what warmup defers is bumped by nothing; a wait that was looked at is no downtime."""
    world.domain(warmup_on=True, pacing=False, table=[2])
    world.enroll(world.sequence((0,)), world.people(10))
    went, _ = pass_time(world, MIDNIGHT + DAY + HOUR)
    assert went == {START: 2, MIDNIGHT: 2, MIDNIGHT + DAY: 6}


def test_a_limit_of_nothing_completes_too(world: World):
    """No place ever comes free there: the look sees that the warmup's turn has come."""
    world.domain(warmup_on=True, pacing=False, table=[0])
    world.enroll(world.sequence((0,)), world.people(2))
    went, _ = pass_time(world, MIDNIGHT + DAY + HOUR)
    assert went == {MIDNIGHT + DAY: 2}


def test_a_hold_is_noted_once_and_what_waited_is_spread(world: World):
    """SPEC 2: what came due during any hold is spread, also where the hold is shorter than the window."""
    world.domain()
    world.enroll(world.sequence((0,)), world.people(1, prefix="before"))
    world.tick(START)
    world.change("UPDATE step SET held_at = $now, hold_reason = 'by hand'", now=START)
    world.enroll(world.rows("SELECT id FROM sequence")[0]["id"], world.people(6), START + MINUTE)
    assert looked(world, START + MINUTE) == "mail that waits, to be noted"
    world.tick(START + MINUTE)
    assert [looked(world, START + number * MINUTE) for number in (2, 3, 600)] == [None] * 3
    world.change("UPDATE step SET held_at = NULL, hold_reason = NULL")
    assert looked(world, START + 20 * MINUTE) == "mail is due"
    assert world.tick(START + 20 * MINUTE).counts["sent"] == 1
    assert looked(world, START + 21 * MINUTE) is None
    assert looked(world, START + 30 * MINUTE) == "mail is due"


def test_a_paused_domain_starts_no_run_and_its_resume_does(world: World):
    domain = world.domain()
    world.enroll(world.sequence((0,)), world.people(1))
    with world.store.transaction() as connection:
        warmup.pause(connection, domain, START, "by hand")
    went, ticks = pass_time(world, START + DAY)
    assert (went, ticks) == ({}, 1)
    with world.store.transaction() as connection:
        warmup.resume(connection, domain, START + DAY)
    assert pass_time(world, START + DAY + HOUR, START + DAY)[0] == {START + DAY: 1}


def test_one_free_domain_among_walled_ones_is_seen(world: World):
    walled, free = world.domain(), world.domain("other.example")
    with world.store.transaction() as connection:
        warmup.pause(connection, walled, START, "by hand")
    world.enroll(world.sequence((0,), name="walled"), world.people(3))
    world.tick(START)
    assert looked(world, START + MINUTE) is None
    other = world.sequence((0,), name="free", sender_id=world.sender_of(free))
    world.enroll(other, world.people(1, prefix="late"), START + MINUTE)
    assert looked(world, START + MINUTE) == "mail is due"
