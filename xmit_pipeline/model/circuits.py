"""How long to wait for a service that is in trouble (SPEC 6.5, 6.6): between ticks, and inside one."""

import random
from dataclasses import dataclass
from datetime import timedelta

LONGEST = timedelta(minutes=15)
SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 30.0


def probe_after(failures: int, asked: float | None = None) -> timedelta:
    """How long after its `failures`-th failure a circuit is probed: 1, 2, 4, 8, 15, 15 ... minutes.

    Never sooner than the answer `asked` for, in seconds.
    """
    doubled = timedelta(minutes=2 ** min(failures - 1, 10))
    return max(min(doubled, LONGEST), timedelta(seconds=asked or 0))


@dataclass(slots=True)
class Patience:
    """What one tick may spend on waiting, in seconds: a finite budget (PAINS A5)."""

    left: float
    tries: int = 0

    def next_wait(self, asked: float | None) -> float | None:
        """Seconds until the next try, with jitter so that workers part; None where the budget is spent.

        1, 2, 4 ... seconds, or what the answer asked for where that is longer.
        """
        backoff = min(SHORTEST_SECONDS * 2**self.tries, LONGEST_SECONDS)
        wait = max(backoff * random.uniform(0.75, 1.25), asked or 0.0)  # noqa: S311  (no secret)
        if wait > self.left:
            return None
        self.left -= wait
        self.tries += 1
        return wait
