"""A store that lets something happen between two of a tick's own steps, as another process would."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from tests.campaigns import World
from xmit_pipeline.delivery.tick import TickResult, run_tick
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.store import invariants
from xmit_pipeline.store.connection import Connection, Store


class Tripwire:
    """The world's store; `after(n)` is called when the tick's own n-th access has ended, 0 before the first."""

    def __init__(self, store: Store, after: Callable[[int], None]) -> None:
        self._store = store
        self._after = after
        self._accesses = 0
        after(0)

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        with self._store.transaction() as connection:
            yield connection
        self._ended()

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        with self._store.snapshot() as connection:
            yield connection
        self._ended()

    def _ended(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._accesses += 1
            self._after(self._accesses)


def tick_with(world: World, clock: FixedClock, after: Callable[[int], None]) -> TickResult:
    """One tick whose steps can be stepped between; every invariant holds after it."""
    world.ticks += 1
    mailer = Mailer(world.sendgrid, {"X-Sandbox-Now": clock.now().isoformat()})
    store = Tripwire(world.store, after)
    result = run_tick(store, world.settings, clock, mailer, f"tick-{world.ticks}")
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
    return result
