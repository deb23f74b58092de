"""A feed of events into the test's world."""

import pytest

from tests.campaigns import World
from tests.integration.events.feed import Feed


@pytest.fixture
def feed(world: World) -> Feed:
    """Nothing has been sent and nothing was said yet."""
    return Feed(world)
