"""How fast one key may call: so many requests a second, and a burst above that (SPEC 8: 429)."""

import time
from dataclasses import dataclass
from math import ceil

from starlette.types import ASGIApp, Receive, Scope, Send

from xmit_pipeline.api.desk import CALLER
from xmit_pipeline.api.errors import refusal
from xmit_pipeline.store.keys import LiveKey


@dataclass(slots=True)
class Bucket:
    """Calls that a key has left, as of a moment of the monotonic clock."""

    left: float
    at: float

    def wait(self, now: float, rate: float, burst: float) -> float:
        """Take one call: 0 where there was one, else the seconds until there is."""
        self.left = min(burst, self.left + (now - self.at) * rate)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / rate
        self.left -= 1
        return 0.0


class RateLimit:
    """429 with `Retry-After` for a key that calls too fast; `per_second` 0 lets everybody through."""

    def __init__(self, app: ASGIApp, per_second: int, burst: int) -> None:
        self._app = app
        self._rate = per_second
        self._burst = max(1, burst)
        self._buckets: dict[str, Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get(CALLER)
        wait = self._wait(caller.hash) if self._rate and isinstance(caller, LiveKey) else 0.0
        if not wait:
            await self._app(scope, receive, send)
            return
        seconds = ceil(wait)
        sentence = (
            f"This key calls more than {self._rate} times a second; try again in {seconds} s, "
            "or send more in each call."
        )
        await refusal(429, sentence, headers={"Retry-After": str(seconds)})(scope, receive, send)

    def _wait(self, key: str) -> float:
        now = time.monotonic()
        bucket = self._buckets.setdefault(key, Bucket(self._burst, now))
        return bucket.wait(now, self._rate, self._burst)
