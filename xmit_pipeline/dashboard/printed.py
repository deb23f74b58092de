"""How values are printed on a page: numbers, rates, times in UTC, delays and ids."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from markupsafe import Markup

from xmit_pipeline.model.clock import iso
from xmit_pipeline.model.delays import DelayUnit, in_words
from xmit_pipeline.model.ids import Kind, public_id

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_FAR = 45 * _DAY
_PERMILLE = 0.01


def number(value: float) -> str:
    """`12,345`."""
    return f"{value:,}"


def percent(rate: float) -> str:
    """A share of 1 as `12.3 %`; small ones keep two places, so that 0.04 % does not look like nothing."""
    places = 2 if 0 < rate < _PERMILLE else 1
    return f"{100 * rate:.{places}f} %"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 person`, `1,200 people`; `many` is the word with an s where left out."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def iso_or_none(moment: datetime) -> str:
    """For a `datetime` attribute."""
    return iso(moment)


def stamp(moment: datetime) -> str:
    """`23 Nov 2026, 04:05 UTC`."""
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def ago(moment: datetime, now: datetime) -> str:
    """`3 hours ago`, `in 2 days`, `just now`; after some weeks the date."""
    seconds = (now - moment) / timedelta(seconds=1)
    size = abs(seconds)
    if size >= _FAR:
        return f"{moment.day} {moment:%b %Y}"
    if size < _MINUTE:
        return "just now" if seconds >= 0 else "within a minute"
    told = next(
        plural(int(size // unit), word)
        for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"))
        if size >= unit
    )
    return f"{told} ago" if seconds > 0 else f"in {told}"


def public(value: UUID, kind: str) -> str:
    """A UUID as the public id of its kind: `{{ row.id | public("seq") }}`."""
    return public_id(Kind(kind), value)


def address(text: str) -> Markup:
    """An e-mail address that may go on in a new line behind its @, and nowhere else."""
    return Markup("@<wbr>").join(text.split("@"))


def delay(amount: int, unit: str) -> str:
    """`immediately`, `after 2 days`."""
    return in_words(amount, DelayUnit(unit))
