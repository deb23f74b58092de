"""When the next step is due: whole UTC minutes, a day is 24 hours (SPEC 2, Delays)."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from xmit_pipeline.model.errors import BadInput


class DelayUnit(StrEnum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


_MINUTES = {DelayUnit.MINUTES: 1, DelayUnit.HOURS: 60, DelayUnit.DAYS: 24 * 60}
LONGEST_DELAY_MINUTES = 10 * 366 * 24 * 60
"""Ten years: longer is a slip of the keyboard, and far below what a timestamp can hold."""


def parse_unit(text: str) -> DelayUnit:
    """The unit for `minutes`, `hours`, `days`, or their singular."""
    for unit in DelayUnit:
        if text in (unit.value, unit.value.removesuffix("s")):
            return unit
    raise BadInput(f"delayUnit is {text!r}; it must be minutes, hours or days.")


def delay_minutes(amount: int, unit: DelayUnit) -> int:
    """The delay in minutes; BadInput where it is negative or over ten years."""
    if amount < 0:
        raise BadInput(f"delayAmount is {amount}; it must be 0 or more.")
    minutes = amount * _MINUTES[unit]
    if minutes > LONGEST_DELAY_MINUTES:
        raise BadInput(f"A delay of {amount} {unit} is over ten years; give a shorter one.")
    return minutes


def whole_minute(moment: datetime) -> datetime:
    """The UTC minute that a moment lies in."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def due_after(posted: datetime, minutes: int) -> datetime:
    """When a step with this delay is due after the previous one was posted, or skipped."""
    return whole_minute(posted) + timedelta(minutes=minutes)


def in_words(amount: int, unit: DelayUnit) -> str:
    """`immediately`, `after 1 day`, `after 30 minutes`."""
    if amount == 0:
        return "immediately"
    return f"after {amount} {unit.value if amount != 1 else unit.value.removesuffix('s')}"
