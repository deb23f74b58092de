"""Warmup health: rates with numbers behind them, and the pause that a critical one brings (SPEC 4)."""

from datetime import timedelta
from uuid import UUID

from tests.campaigns import START, World
from tests.integration.events.feed import Feed, campaign
from xmit_pipeline.model.health import Health
from xmit_pipeline.store.health import critical_domains, domain_health
from xmit_pipeline.store.warmup import configure, resume

LATER = START + timedelta(hours=1)


def young(world: World, people: int = 25) -> UUID:
    """Everybody mailed on day 1 of a warmup; answers the domain."""
    campaign(world, people, warmup_on=True, table=[people, people], pacing=False)
    return world.rows("SELECT id FROM domain")[0]["id"]


def state(world: World) -> tuple[str, str | None]:
    [row] = world.rows("SELECT warmup_state, warmup_pause_reason FROM domain")
    return row["warmup_state"], row["warmup_pause_reason"]


def health(world: World, domain_id: UUID, now=LATER) -> Health:
    with world.store.snapshot() as connection:
        return domain_health(connection, now)[domain_id]


def test_one_complaint_in_a_young_warmup_pauses_nothing(world: World, feed: Feed):
    """SPEC 4: 4 % is a warning; critical takes three complaints."""
    domain_id = young(world)
    feed.told(feed.entry("spamreport", feed.sent()[0]))
    assert state(world) == ("active", None)
    assert health(world, domain_id).state == "warning"


def test_three_complaints_pause_with_the_reason(world: World, feed: Feed):
    domain_id = young(world)
    feed.told(*(feed.entry("spamreport", message) for message in feed.sent()[:3]))
    assert state(world) == ("paused", "health critical: 3 of 25 brought a complaint (12.00%)")
    assert health(world, domain_id).state == "critical"


def test_resume_does_not_pause_again_for_the_same_complaints(world: World, feed: Feed):
    """SPEC 4: health looks back to the last resume; three new ones pause anew."""
    domain_id = young(world)
    early = feed.sent()
    feed.told(*(feed.entry("spamreport", message) for message in early[:3]))
    with world.store.transaction() as connection:
        resume(connection, domain_id, LATER)
    feed.told(feed.entry("spamreport", early[3]), now=LATER + timedelta(minutes=1))
    assert state(world) == ("active", None)
    next_day = START + timedelta(days=1)
    world.tick(next_day)
    late = world.rows("SELECT * FROM message WHERE state = 'sent' AND sent_at >= $day", day=next_day)
    feed.told(
        *(feed.entry("spamreport", message, after=90_000) for message in late[:3]),
        now=next_day + timedelta(hours=1),
    )
    assert state(world)[0] == "paused"


def test_blocks_do_not_count(world: World, feed: Feed):
    domain_id = young(world)
    feed.told(*(feed.entry("bounce", message, type="blocked") for message in feed.sent()))
    assert (state(world)[0], health(world, domain_id).state) == ("active", "good")


def test_five_bounces_of_many_are_critical(world: World, feed: Feed):
    """SPEC 4: over 5 %, and at least five."""
    young(world, people=60)
    messages = feed.sent()
    feed.told(*(feed.entry("bounce", message, type="bounce") for message in messages[:4]))
    assert state(world)[0] == "active"
    feed.told(feed.entry("bounce", messages[4], type="bounce"))
    assert state(world)[0] == "paused"


def test_without_warmup_it_alerts_and_sends_on(world: World, feed: Feed):
    """SPEC 4: critical pauses a domain in `active` only."""
    campaign(world, people=25)
    feed.told(*(feed.entry("spamreport", message) for message in feed.sent()[:3]))
    assert state(world)[0] == "inactive"
    with world.store.snapshot() as connection:
        assert set(critical_domains(connection, LATER)) == {"example.com"}


def test_health_is_shown_by_name(world: World, feed: Feed):
    """SPEC 4, 8."""
    domain_id = young(world)
    feed.told(feed.entry("spamreport", feed.sent()[0]))
    shown = health(world, domain_id).row
    assert (shown["state"], shown["sent"], shown["complaints"], shown["complaint_rate"]) == (
        "warning",
        25,
        1,
        0.04,
    )


def test_what_is_older_than_a_week_is_over(world: World, feed: Feed):
    domain_id = young(world)
    feed.told(
        *(feed.entry("spamreport", message) for message in feed.sent()[:3]), now=START + timedelta(days=8)
    )
    assert health(world, domain_id, START + timedelta(days=8)).sent == 0
    assert state(world)[0] == "active"


def test_switching_off_and_on_leaves_the_pause(world: World, feed: Feed):
    """SPEC 4: nothing goes out until a resume, which answers the complaints: they pause nothing again."""
    domain_id = young(world)
    feed.told(*(feed.entry("spamreport", message) for message in feed.sent()[:3]))
    with world.store.transaction() as connection:
        configure(connection, domain_id, LATER, enabled=False)
        configure(connection, domain_id, LATER, enabled=True)
    assert state(world)[0] == "paused"
    with world.store.transaction() as connection:
        resume(connection, domain_id, LATER)
    feed.fold(LATER + timedelta(minutes=1))
    assert state(world) == ("active", None)
