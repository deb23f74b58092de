"""What this process has counted since it began: requests by route and status, and how long they took."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram, in seconds."""


@dataclass(slots=True)
class Histogram:
    """How many took at most so long, and all their seconds together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def cumulated(self) -> list[int]:
        """For each of `BUCKETS`, and last for infinity: how many took at most that."""
        return list(accumulate(self.counts))


@dataclass(slots=True)
class Figures:
    """Counted in the event loop's thread alone; routes are templates, so there are never many."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter[tuple[str, str, int]])
    seconds: dict[tuple[str, str], Histogram] = field(default_factory=dict[tuple[str, str], Histogram])

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answered request; status 0 where the client left before its answer."""
        method = method if method in _METHODS else "other"
        self.requests[method, route, status] += 1
        self.seconds.setdefault((method, route), Histogram()).add(seconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
