"""Machines that open and click: raw and human figures side by side, by a rule that can be set (SPEC 7, PAINS F1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.integration.events.feed import Feed, campaign


def clicks(feed: Feed, *, seconds: float, links: int, ips: int = 1) -> list[dict[str, object]]:
    """A mail delivered at 60 s, and each of its links clicked so many seconds later."""
    message = feed.sent()[0]
    return [
        feed.entry("delivered", message, after=60),
        *(
            feed.entry(
                "click",
                message,
                after=60 + seconds,
                url=f"https://example.com/{link}",
                ip=f"192.0.2.{link % ips}",
            )
            for link in range(links)
        ),
    ]


@pytest.mark.parametrize(
    ("seconds", "links", "ips", "human"),
    [(2, 3, 1, 0), (10, 2, 1, 0), (11, 3, 1, 1), (2, 1, 1, 1), (2, 2, 2, 1), (-1, 2, 1, 0)],
)
def test_several_links_at_once_are_a_scanner(
    world: World, feed: Feed, seconds: float, links: int, ips: int, human: int
):
    """PAINS F1: within 10 s of delivery, two links or more, from one address."""
    sequence_id = campaign(world, people=1)
    feed.told(*clicks(feed, seconds=seconds, links=links, ips=ips))
    figures = feed.figures(sequence_id)
    assert (figures["clicks"], figures["unique_clicks"], figures["human_clicks"]) == (links, 1, human)


def test_a_person_who_clicks_after_the_scanner_counts(world: World, feed: Feed):
    sequence_id = campaign(world, people=1)
    feed.told(*clicks(feed, seconds=1, links=4))
    feed.told(feed.entry("click", feed.sent()[0], after=4000, url="https://example.com/1", ip="192.0.2.0"))
    figures = feed.figures(sequence_id)
    assert (figures["clicks"], figures["human_clicks"]) == (5, 1)


def test_delivery_told_late_still_unmasks_the_scanner(world: World, feed: Feed):
    sequence_id = campaign(world, people=1)
    delivered, *rest = clicks(feed, seconds=1, links=3)
    feed.told(*rest)
    assert feed.figures(sequence_id)["human_clicks"] == 1
    feed.told(delivered)
    assert feed.figures(sequence_id)["human_clicks"] == 0


def test_machine_opens_are_no_human_opens(world: World, feed: Feed):
    """SPEC 7: `humanOpens` is unique, without machine opens."""
    sequence_id = campaign(world, people=3)
    one, two, three = feed.sent()
    feed.told(
        feed.entry("open", one, sg_machine_open=True), feed.entry("open", two, sg_machine_open="True"),
        feed.entry("open", two, after=90, sg_machine_open=False), feed.entry("open", three),
        feed.entry("open", three, after=90),
    )  # fmt: skip
    figures = feed.figures(sequence_id)
    assert (figures["opens"], figures["unique_opens"], figures["human_opens"]) == (5, 3, 2)


def test_another_rule_counts_everything_anew(world: World, feed: Feed):
    """The rule is a setting; what was counted by another follows with the next tick."""
    sequence_id = campaign(world, people=1)
    feed.told(*clicks(feed, seconds=30, links=2))
    assert feed.figures(sequence_id)["human_clicks"] == 1
    world.settings = replace(world.settings, scanner_seconds=60)
    feed.fold(START + timedelta(hours=2))
    assert feed.figures(sequence_id)["human_clicks"] == 0
    assert feed.unequal() == 0
    world.settings = replace(world.settings, scanner_seconds=0)
    feed.fold(START + timedelta(hours=3))
    assert feed.figures(sequence_id)["human_clicks"] == 1
