"""Forecasts of one process take turns: one is played at a time, and few callers wait for theirs (SPEC 10)."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from xmit_pipeline.model.errors import XmitError

MOST_WAITING = 4
"""Callers that may wait; each holds one of the server's threads meanwhile."""


class ForecastsBusy(XmitError):
    """Enough forecasts wait already (HTTP 503)."""


@dataclass(slots=True)
class ForecastTurns:
    """`playing` is held by the forecast under way, whoever asked for it."""

    playing: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1 + MOST_WAITING))

    @contextmanager
    def turn(self) -> Generator[None]:
        """Wait for a turn, and hold it. ForecastsBusy at once where too many wait."""
        if not self._places.acquire(blocking=False):
            raise ForecastsBusy(
                f"{1 + MOST_WAITING} forecasts are under way already; ask again when one is done."
            )
        try:
            with self.playing:
                yield
        finally:
            self._places.release()
