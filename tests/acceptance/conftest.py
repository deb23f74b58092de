"""Worlds that several acceptance tests begin with."""

import pytest

from tests.campaigns import World


@pytest.fixture
def enrolled(world: World) -> World:
    """Thirty people, three daily steps, nothing sent yet; a day's limit, so that nothing is spread."""
    world.domain(warmup_on=True, pacing=False, table=[1000], hold_target=True)
    world.enroll(world.sequence((0, 1, 1)), world.people(30))
    return world
