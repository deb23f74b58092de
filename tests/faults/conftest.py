"""Zygotes for the session, and a world whose ticks run in forked processes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from tests.campaigns import World
from tests.faults.forking import Forks, forks
from tests.faults.orders import TickEnd, TickOrder


@pytest.fixture(scope="session")
def forked() -> Iterator[Forks]:
    with forks() as zygote:
        yield zygote


@pytest.fixture(scope="session")
def dagster_forked() -> Iterator[Forks]:
    """One that has Dagster imported too."""
    with forks(dagster=True) as zygote:
        yield zygote


@dataclass
class Elsewhere:
    """A world whose ticks run in processes of their own, where they may be struck."""

    world: World
    forks: Forks
    ticks: int = 0

    def order(self, moment: datetime, **given: Any) -> TickOrder:
        """A tick of this world; `given` are fields of `TickOrder`."""
        self.ticks += 1
        home, host = str(self.world.settings.home), self.world.sandbox.url
        return replace(TickOrder(home, host, moment, f"elsewhere-{self.ticks}", read_seconds=10.0), **given)

    def tick(self, moment: datetime, **given: Any) -> TickEnd:
        [end] = self.together([self.order(moment, **given)])
        return end

    def together(self, orders: list[TickOrder]) -> list[TickEnd]:
        self.world.store.close()
        return self.forks.together(orders)


@pytest.fixture
def elsewhere(world: World, forked: Forks) -> Elsewhere:
    return Elsewhere(world, forked)
