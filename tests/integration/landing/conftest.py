"""The landing zone of the test's world."""

import pytest

from tests.campaigns import World
from tests.integration.landing.zone import Zone


@pytest.fixture
def zone(world: World) -> Zone:
    return Zone(world)
