"""The warmup of a sending domain: a day's limit, and what pacing lets a backlog take (SPEC 4)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import accumulate, repeat

from xmit_pipeline.model.errors import BadInput

HOURS_A_DAY = 24
SLOWEST_FACTOR = Decimal("1.01")
OVERDUE_AFTER = timedelta(hours=1)
"""Mail overdue by more than this is backlog: pacing holds it, a welcome passes it."""


@dataclass(frozen=True)
class Curve:
    """Day limits, by formula or by table; the last day's limit holds from then on.

    The formula is min(round half up(start * factor^(day-1)), target), in decimal arithmetic, so that
    day 14 of the defaults is 4,865 on every machine.
    """

    start: int = 25
    factor: Decimal = Decimal("1.5")
    target: int = 5000
    table: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.table and min(self.table) < 0:
            raise BadInput("A warmup table holds day limits; each must be 0 or more.")
        if self.start < 1 or self.target < 1:
            raise BadInput("Warmup needs a start and a target of at least 1 e-mail a day.")
        if not self.table and self.start < self.target and self.factor < SLOWEST_FACTOR:
            raise BadInput(f"A warmup factor must be at least {SLOWEST_FACTOR}, or the target is years away.")

    @cached_property
    def limits(self) -> tuple[int, ...]:
        """The limit of day 1, 2, ... up to the first day at target."""
        if self.table:
            return self.table
        powers = accumulate(
            repeat(self.factor), lambda volume, factor: volume * factor, initial=Decimal(self.start)
        )
        limits: list[int] = []
        for volume in powers:
            limits.append(min(int(volume.quantize(Decimal(1), ROUND_HALF_UP)), self.target))
            if limits[-1] == self.target:
                return tuple(limits)
        raise AssertionError("unreachable: the powers of a factor over 1 pass every target")

    def limit(self, day: int) -> int:
        """How many e-mails may be posted on this day of the warmup (day 1 is the first)."""
        return self.limits[min(day, len(self.limits)) - 1]

    def at_target(self, day: int) -> bool:
        """Whether this day's limit is the last one that the curve reaches."""
        return day >= len(self.limits)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a domain is: midnights passed in earlier active spells, and since when it is active now."""

    midnights: int
    active_since: datetime | None

    def midnights_at(self, now: datetime) -> int:
        """All UTC midnights that have passed while the warmup was active."""
        if self.active_since is None:
            return self.midnights
        return self.midnights + max(0, (utc_day(now) - utc_day(self.active_since)).days)

    def day(self, now: datetime) -> int:
        """The day of the warmup: 1 + the UTC midnights that passed while active."""
        return 1 + self.midnights_at(now)

    def full_day_at_target(self, curve: Curve, now: datetime) -> bool:
        """Whether yesterday was active from its first minute to its last, at the curve's target."""
        if self.active_since is None:
            return False
        yesterday = datetime.combine(utc_day(now) - timedelta(days=1), time(), UTC)
        return self.active_since <= yesterday and curve.at_target(self.day(yesterday))


def utc_day(moment: datetime) -> date:
    """The UTC calendar day of a moment: the day that a post counts on."""
    return moment.astimezone(UTC).date()


def backlog_share(limit: int, now: datetime) -> int:
    """Places that mail overdue by more than an hour may have taken by now: floor(L * (h+1) / 24)."""
    return limit * (now.astimezone(UTC).hour + 1) // HOURS_A_DAY


def next_midnight(now: datetime) -> datetime:
    """When the next day's places come free."""
    return datetime.combine(utc_day(now) + timedelta(days=1), time(), UTC)


def next_hour(now: datetime) -> datetime:
    """When pacing next frees places for a backlog."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
