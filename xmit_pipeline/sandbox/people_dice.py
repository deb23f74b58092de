"""Chance that repeats: every draw is a hash of a seed and of what it is drawn for, so no draw moves another."""

from dataclasses import dataclass
from hashlib import blake2b
from math import exp
from statistics import NormalDist

_BYTES = 8
_SIZE = 2 ** (8 * _BYTES)
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Dice:
    """Draws for one thing, such as one mail to one person; the same name draws the same number again."""

    key: str

    def roll(self, name: str) -> float:
        """Evenly between 0 and 1, never either."""
        drawn = blake2b(f"{self.key}/{name}".encode(), digest_size=_BYTES).digest()
        return (int.from_bytes(drawn) + 0.5) / (_SIZE + 1)

    def chance(self, name: str, rate: float) -> bool:
        """True in `rate` of all cases."""
        return self.roll(name) < rate

    def pick(self, name: str, count: int) -> int:
        """One of 0 to count - 1."""
        return int(self.roll(name) * count)

    def around(self, name: str, median: float, spread: float, *, lowest: float, highest: float) -> float:
        """Log-normal, as waiting times are: half lie below `median`; `spread` is the deviation of the logarithm."""
        drawn = median * exp(spread * _NORMAL.inv_cdf(self.roll(name)))
        return min(max(drawn, lowest), highest)
