"""A store as a backup brings it back, and what must hold of it after `xmit reconcile` (SPEC 6.10)."""

import shutil
from datetime import datetime, timedelta

from tests.campaigns import World
from xmit_pipeline.delivery.reconciliation import Reconciliation, reconcile
from xmit_pipeline.store import invariants

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def back_up(world: World) -> None:
    world.store.close()
    shutil.copy(world.store.path, world.store.path.with_suffix(".backup"))


def restore(world: World) -> None:
    world.store.close()
    world.store.path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    shutil.copy(world.store.path.with_suffix(".backup"), world.store.path)


def taken_back(world: World, now: datetime) -> Reconciliation:
    return reconcile(world.store, world.settings, now)


def goes_on(world: World, now: datetime, *, accepted: int) -> None:
    """Three more ticks post nothing that was posted, and the store stays whole."""
    for minutes in (1, 2, 3):
        world.tick(now + minutes * MINUTE)
    assert set(world.delivered().values()) == {1}
    assert len(world.delivered()) == accepted
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
