"""What many campaigns came to, in numbers."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What many campaigns came to."""

    campaigns: int = 0
    blows: int = 0
    killed: int = 0
    by_trap: Counter[str] = field(default_factory=Counter)
    failed_ticks: int = 0
    requests_unknown: int = 0
    recovered: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    calm_ticks: int = 0

    def __str__(self) -> str:
        return (
            f"{self.campaigns} campaigns, {self.blows} blows, {self.killed} kills {dict(self.by_trap)}, "
            f"{self.failed_ticks} ticks failed on a full disk, {self.recovered} requests of dead ticks settled, "
            f"{self.requests_unknown} of unknown fate; {dict(self.messages)}, presumed sent though lost: {self.lost}"
        )
