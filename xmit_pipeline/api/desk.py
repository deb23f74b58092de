"""What every call works with: the store and the clock. No rules of its own."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from xmit_pipeline.model.clock import Clock
from xmit_pipeline.store.connection import Connection, EmbeddedStore


@dataclass(frozen=True, slots=True)
class Desk:
    """One store, opened by short turns; `now` is read once the turn has come, so that times keep its order."""

    store: EmbeddedStore
    clock: Clock

    @contextmanager
    def changing(self) -> Generator[tuple[Connection, datetime], None, None]:
        """One atomic write transaction and its time."""
        with self.store.transaction() as connection:
            yield connection, self.clock.now()

    @contextmanager
    def reading(self) -> Generator[tuple[Connection, datetime], None, None]:
        """One consistent read and its time."""
        with self.store.snapshot() as connection:
            yield connection, self.clock.now()


def _desk_of(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk_of)]
"""A call's desk."""
