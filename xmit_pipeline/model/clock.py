"""Time comes in from the edge: the wall clock, or one simulated moment (DESIGN 5)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """`now()` in UTC; `simulated` says that the moment was given and does not move."""

    @property
    def simulated(self) -> bool: ...

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class WallClock:
    """The real time: the minute and day of a post are the wall clock's (SPEC 6.10)."""

    simulated: bool = False

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """One given moment, for simulated ticks."""

    moment: datetime
    simulated: bool = True

    def now(self) -> datetime:
        return self.moment


def parse_moment(text: str) -> datetime:
    """An ISO 8601 time as UTC; one without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the second, or finer where there is a fraction."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
