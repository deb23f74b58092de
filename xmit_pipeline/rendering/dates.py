"""The `date` filter, told the time: a tick's `now`, and UTC, never the wall clock or the machine's zone."""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from dateutil import parser
from liquid import Markup, is_undefined
from liquid.exceptions import FilterArgumentError
from liquid.filter import liquid_filter, with_context

if TYPE_CHECKING:
    from xmit_pipeline.rendering.environment import TemplateContext

_LONGEST_DATE = 100
_EPOCH_DIRECTIVE = re.compile("%(%|s)")


@with_context
@liquid_filter
def date_filter(value: Any, layout: Any, *, context: "TemplateContext") -> str:
    """`value | date: layout` as python-liquid has it; what is no date stays as it stands.

    "now" and "today" are the moment of the render. Parts that a text leaves out come from that day.
    """
    if is_undefined(value):
        return ""
    if is_undefined(layout):
        return str(value)
    if not isinstance(layout, str):
        raise FilterArgumentError("date expected a format in quotes", token=None)
    moment = _moment(value, context.now)
    if moment is not None:
        return _formatted(moment, layout, marked=context.autoescape and isinstance(layout, Markup))
    if isinstance(value, str | int):
        return str(value)
    raise FilterArgumentError(f"date expected a date, found {type(value).__name__}", token=None)


def _moment(value: Any, now: datetime) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int):
        return _from_epoch(value)
    if isinstance(value, str):
        return _from_text(value, now)
    return None


def _from_epoch(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _from_text(text: str, now: datetime) -> datetime | None:
    if text in {"now", "today"}:
        return now
    if len(text) > _LONGEST_DATE:
        return None
    if text.isdecimal():
        return _from_epoch(int(text))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return parser.parse(text, default=midnight, tzinfos=_zone)
    except (ValueError, OverflowError):
        return None


def _zone(name: str | None, offset: int | None) -> tzinfo:
    # Names of zones mean different places; only a written offset counts.
    if not offset:
        return UTC
    return timezone(timedelta(seconds=offset), name) if name else timezone(timedelta(seconds=offset))


def _formatted(moment: datetime, layout: str, *, marked: bool) -> str:
    epoch = str(int(moment.timestamp()))
    # strftime takes "%s" in the machine's zone.
    told = _EPOCH_DIRECTIVE.sub(lambda found: epoch if found[1] == "s" else found[0], str(layout))
    text = moment.strftime(told)
    return Markup(text) if marked else text
