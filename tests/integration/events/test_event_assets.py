"""Events through Dagster: folded first, acted upon before anything is sent, counted at the end (SPEC 7, DESIGN 6)."""

from datetime import timedelta

import dagster as dg
import pytest

from tests.campaigns import START, World
from tests.integration.dagster.conftest import Pipeline, metadata_of, pipeline  # noqa: F401
from tests.integration.events.feed import Feed, campaign
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import every_minute
from xmit_pipeline.model.clock import iso

TOMORROW = START + timedelta(days=1)


def test_who_objects_gets_nothing_in_that_tick(world: World, feed: Feed, pipeline: Pipeline):  # noqa: F811
    """PAINS E1, E3, SPEC 3: exits happen within the tick that learns of them, before it sends."""
    campaign(world, people=3)
    feed.land(feed.entry("unsubscribe", feed.sent()[0]), feed.entry("open", feed.sent()[1]))
    result = pipeline(TOMORROW)
    assert metadata_of(result, "sent_messages")["sent"] == 2
    assert metadata_of(result, "delivery_events")["dagster/row_count"] == 2
    assert metadata_of(result, "suppressions")["dagster/row_count"] == 1
    assert metadata_of(result, "step_metrics")["delivered_in_all"] == 2


def test_a_broken_body_fails_no_tick(world: World, feed: Feed, pipeline: Pipeline):  # noqa: F811
    campaign(world, people=1)
    feed.land(feed.entry("open", feed.sent()[0]))
    (world.settings.home / "landing" / "events" / "0-broken.json").write_bytes(b"[{")
    result = pipeline(TOMORROW)
    assert result.success
    shown = metadata_of(result, "delivery_events")
    assert (shown["bodies_put_aside"], shown["dagster/row_count"]) == (1, 1)


def test_an_event_without_address_stops_no_tick(world: World, feed: Feed, pipeline: Pipeline):  # noqa: F811
    """SPEC 7, PAINS F3: an asynchronous block that names nobody."""
    campaign(world, people=3)
    feed.land({"event": "bounce", "type": "blocked", "timestamp": 1772443900})
    result = pipeline(TOMORROW)
    assert result.success
    assert metadata_of(result, "delivery_events")["bodies_put_aside"] == 0
    assert metadata_of(result, "sent_messages")["sent"] == 3


def test_a_day_rebuilt_in_dagster_gives_the_same_figures(world: World, feed: Feed):
    """SPEC 7, Must hold: the partition of a day, as `xmit replay` of it."""
    campaign(world, people=3)
    feed.told(*(feed.entry(kind, message) for kind in ("delivered", "open") for message in feed.sent()))
    expected = feed.facts()
    world.change("DELETE FROM event WHERE identity % 2 = 0")
    world.change("UPDATE message_feedback SET opens = 9")
    world.store.close()
    result = (
        build_defs()
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            asset_selection=[dg.AssetKey("event_days")],
            partition_key=f"{START:%Y-%m-%d}",
            run_config={"resources": {"clock": {"config": {"now": iso(TOMORROW)}}}},
        )
    )
    assert result.success
    assert feed.facts() == expected
    assert feed.unequal() == 0


@pytest.mark.parametrize("what", ["a body", "a consequence", "an expiry", "nothing"])
def test_schedule_runs_when_events_wait(world: World, feed: Feed, what: str):
    """DESIGN 6: the look starts a run for what landed, and for a suppression that runs out."""
    if what == "a body":
        feed.land({"event": "open"})
    elif what == "a consequence":
        world.change(
            "INSERT INTO event_consequence VALUES ('a@example.net', 'bounce', $now, false)", now=START
        )
    elif what == "an expiry":
        world.change(
            "INSERT INTO suppression (id, email, reason, source, created_at, expires_at) "
            "VALUES (uuidv7(), 'a@example.net', 'bounce', 'soft_bounces', $now, $now)", now=START,
        )  # fmt: skip
    world.store.close()
    with dg.build_schedule_context(
        repository_def=build_defs().get_repository_def(), resources={"store": StoreResource()}
    ) as context:
        wanted = every_minute.evaluate_tick(context).run_requests
    assert bool(wanted) == (what != "nothing")


def test_checks_see_figures_that_no_event_made(world: World, feed: Feed):
    """DESIGN 6: metrics equal a rebuild; unique is at most delivered."""
    campaign(world, people=2)
    feed.told(*(feed.entry("open", message) for message in feed.sent()))
    assert feed.unequal() == 0
    world.change("UPDATE step_metric SET unique_opens = 3")
    assert feed.unequal() == 2
    world.store.close()
    result = build_defs().resolve_job_def("check_everything").execute_in_process()
    failed = {each.check_name for each in result.get_asset_check_evaluations() if not each.passed}
    assert failed == {"metrics_equal_a_rebuild", "unique_is_at_most_delivered_and_delivered_at_most_sent"}


def test_an_unsubscribe_by_the_link_counts_on_its_step(world: World, feed: Feed):
    """SPEC 7: SendGrid hears nothing of our own link, so the wish itself is the fact."""
    from xmit_pipeline.model.clock import FixedClock
    from xmit_pipeline.model.tokens import Wish
    from xmit_pipeline.store.wish_files import keep_wish
    from xmit_pipeline.store.wishes import fold_wishes

    sequence_id = campaign(world, people=2)
    message = feed.sent()[0]
    for _ in range(2):
        keep_wish(world.settings.home, Wish(message["id"], message["contact_id"]))
        fold_wishes(world.store, world.settings.home, FixedClock(START + timedelta(minutes=5)))
    feed.told(feed.entry("open", message))
    figures = feed.figures(sequence_id)
    assert (figures["unsubscribes"], figures["delivered"], figures["unsubscribe_rate"]) == (1, 1, 1.0)
    assert feed.unequal() == 0
