"""A bounce that an operator lifts stays lifted, though SendGrid drops mail until its list is cleared (SPEC 7)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.campaigns import START, World
from tests.integration.events.feed import Feed
from tests.integration.sync.conftest import Sync, seconds
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.server import RunningSandbox, running_sandbox
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.store.suppressions import lift_address

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ADDRESS = "person0@example.net"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """One whose people read their mail, and whose lists drop it."""
    with running_sandbox() as own:
        own.events.people = PeopleOrder(
            hard_bounce=0, soft_bounce=0, complaint=0, unsubscribe=0, late_bounce=0, scanner=0
        )
        yield own


@pytest.fixture
def lifted(world: World, lists: SuppressionLists, sync: Sync) -> World:
    """Somebody whose bounce came from SendGrid's list and was lifted a minute ago, on the second day."""
    world.domain()
    world.people(1)
    lists.add("bounces", ADDRESS, created=seconds(START))
    sync(START + timedelta(hours=1))
    with world.store.transaction() as connection:
        lift_address(connection, ADDRESS, START + DAY - MINUTE, who="tests")
    return world


def mail(world: World, now: datetime, name: str) -> str:
    """One mail at this moment, and what SendGrid tells of it: the last word of its events."""
    [person] = world.rows("SELECT id FROM contact")
    world.enroll(world.sequence(name=name), [person["id"]], now)
    world.tick(now)
    events = world.sandbox.events.happen((now + MINUTE).timestamp()).events
    Feed(world).told(*events, now=now + MINUTE)
    return events[-1].get("reason", events[-1]["event"])


def standing(world: World) -> list[str]:
    return [row["source"] for row in world.rows("SELECT source FROM suppression WHERE lifted_at IS NULL")]


def test_a_lift_outlives_the_drops_before_it_is_told(lifted: World, lists: SuppressionLists, sync: Sync):
    """SPEC 7: what is lifted here is lifted there; until then a drop says nothing new."""
    assert mail(lifted, START + DAY, "before") == "Bounced Address"
    assert standing(lifted) == []
    assert sync(START + DAY + timedelta(hours=1)).lifted == 2
    assert lists.entries("bounces") == []
    assert mail(lifted, START + 2 * DAY, "after") != "Bounced Address"
    assert standing(lifted) == []


def test_a_bounce_of_its_own_suppresses_again(lifted: World):
    """SPEC 3: before and after the lift is told, what befalls the address anew counts."""
    mail(lifted, START + DAY, "before")
    [message] = lifted.rows("SELECT * FROM message")
    feed = Feed(lifted)
    feed.told(feed.entry("bounce", message, type="bounce", after=86_500), now=START + DAY + 2 * MINUTE)
    assert standing(lifted) == ["event"]


def test_a_drop_long_after_the_lift_was_told_counts(lifted: World, lists: SuppressionLists, sync: Sync):
    """SPEC 7: then SendGrid has listed the address anew, and the webhook has not said so."""
    sync(START + DAY)
    lists.add("bounces", ADDRESS, created=seconds(START + DAY + MINUTE))
    assert mail(lifted, START + 2 * DAY, "after") == "Bounced Address"
    assert standing(lifted) == ["event"]
