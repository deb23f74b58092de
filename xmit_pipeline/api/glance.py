"""A look at something slow that many ask for: taken once for all of them, and never waited for too long."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from xmit_pipeline.model.errors import XmitError

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Sight(Generic[Seen]):
    """What was seen last, if ever, how old that is in seconds, and why it is not newer, if it is not fresh."""

    seen: Seen | None
    age: float
    trouble: str | None


class Glance(Generic[Seen]):
    """`look` runs in a thread of its own, one at a time, at most every `keep_seconds`.

    Whoever asks waits `wait_seconds` at most, and is then told what was seen before.
    """

    def __init__(self, look: Callable[[], Seen], *, keep_seconds: float, wait_seconds: float) -> None:
        self._look = look
        self._keep = keep_seconds
        self._wait = wait_seconds
        self._state = threading.Lock()
        self._under_way: threading.Event | None = None
        self._seen: Seen | None = None
        self._seen_at = float("-inf")
        self._trouble: str | None = None

    async def take(self) -> Sight[Seen]:
        """The newest sight that can be had in time."""
        if self._is_old():
            done = self._begin()
            deadline = time.monotonic() + self._wait
            while not done.is_set() and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
            if not done.is_set():
                return self._sight(f"The store has not answered for {self._wait:.0f} s.")
        return self._sight(self._trouble)

    def _sight(self, trouble: str | None) -> Sight[Seen]:
        return Sight(self._seen, time.monotonic() - self._seen_at, trouble)

    def _is_old(self) -> bool:
        return time.monotonic() - self._seen_at > self._keep

    def _begin(self) -> threading.Event:
        with self._state:
            if self._under_way is None:
                self._under_way = threading.Event()
                threading.Thread(target=self._run, name="xmit-glance", daemon=True).start()
            return self._under_way

    def _run(self) -> None:
        began = time.monotonic()
        try:
            seen = self._look()
        except XmitError as error:
            self._trouble = str(error)
        except Exception as error:  # whatever it is, who asks must be told, and the next look be free
            self._trouble = f"The store could not be read: {error}"
        else:
            self._seen, self._seen_at, self._trouble = seen, began, None
        finally:
            with self._state:
                done, self._under_way = self._under_way, None
            if done is not None:
                done.set()
