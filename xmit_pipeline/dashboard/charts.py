"""Charts as SVG, made on the server: no script, no foreign code. Colours are the stylesheet's, by class.

Each has a title and a description for who can't see it; the page puts the same numbers in a table beside it.
"""

from collections.abc import Sequence
from datetime import date
from itertools import count

from markupsafe import Markup

WIDTH = 480
HEIGHT = 180
_LEFT, _RIGHT, _TOP, _FOOT = 58, 8, 14, 26
_LABELS = 5
"""Days that are written below a chart at most."""

_RECT = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2" class="{}"/>')
_TEXT = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>')
_SPOT = Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="{}" class="spot"><title>{}</title></rect>')

_serial = count(1)

Bar = tuple[date, Sequence[int]]
"""A day, and a number for each series."""


def bars(days: Sequence[Bar], series: Sequence[str], title: str) -> Markup:
    """Bars by day, the series one in front of the other: the first is the whole, later ones are parts of it."""
    top = _round_up(max((max(values, default=0) for _, values in days), default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(days), 1)
    every = max(1, -(-len(days) // _LABELS))
    parts = [_scale(top)]
    for place, (day, values) in enumerate(days):
        x = _LEFT + place * slot
        parts += [_bar(x, slot, value, top, number) for number, value in enumerate(values)]
        parts.append(_hover(x, slot, day, values, series))
        if place % every == 0:
            parts.append(_text(x + slot / 2, HEIGHT - 6, f"{day.day} {day:%b}", "middle"))
    told = f"{len(days)} days. " + _sums(days, series)
    return _svg(WIDTH, HEIGHT, "chart", title, told, parts)


def funnel(stages: Sequence[tuple[str, int]], title: str) -> Markup:
    """Stages from the widest down: a bar, its number, and its share of the first."""
    row, label, figures = 32, 96, 128
    whole = max((number for _, number in stages), default=0)
    parts: list[Markup] = []
    for place, (name, number) in enumerate(stages):
        y = place * row
        width = (WIDTH - label - figures) * number / whole if whole else 0
        share = f"{100 * number / stages[0][1]:.1f} %" if stages[0][1] else ""
        parts.append(_text(0, y + 21, name[:16], "start", "strong"))
        parts.append(_rect(label, y + 6, WIDTH - label - figures, row - 12, "track"))
        parts.append(_rect(label, y + 6, width, row - 12, f"series-{min(place, 3)}"))
        parts.append(_text(WIDTH - figures + 10, y + 21, f"{number:,}", "start", "strong"))
        parts.append(_text(WIDTH, y + 21, share, "end"))
    told = ", ".join(f"{name}: {number:,}" for name, number in stages)
    return _svg(WIDTH, max(row * len(stages), 1), "chart", title, f"{told}.", parts)


def sparkline(numbers: Sequence[int], title: str) -> Markup:
    """A line as small as a word."""
    width, height = 96, 24
    top, steps = max(numbers, default=0) or 1, max(len(numbers) - 1, 1)
    points = " ".join(
        f"{place * (width - 2) / steps + 1:.1f},{height - 2 - (height - 4) * number / top:.1f}"
        for place, number in enumerate(numbers)
    )
    line = Markup(
        '<polyline points="{}" fill="none" class="line" vector-effect="non-scaling-stroke"/>'
    ).format(points)
    told = f"From {numbers[0]:,} to {numbers[-1]:,}." if numbers else "No numbers."
    return _svg(width, height, "spark", title, told, [line])


def meter(used: int, limit: int | None, title: str) -> Markup:
    """How much of a limit is used; a track alone where there is no limit."""
    share = min(1.0, used / limit) if limit else 0.0
    parts = [_rect(0, 0, 240, 8, "track"), _rect(0, 0, 240 * share, 8, "series-0")]
    return _svg(
        240,
        8,
        "meter",
        title,
        f"{used:,} of {limit:,}." if limit is not None else f"{used:,}, no limit.",
        parts,
    )


def _svg(width: int, height: int, kind: str, title: str, told: str, parts: Sequence[Markup]) -> Markup:
    name = f"c{next(_serial)}"
    head = Markup(
        '<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}t {name}d" '
        'xmlns="http://www.w3.org/2000/svg"><title id="{name}t">{title}</title><desc id="{name}d">{told}</desc>'
    ).format(kind=kind, width=width, height=height, name=name, title=title, told=told)
    return Markup("").join([head, *parts, Markup("</svg>")])


def _scale(top: int) -> Markup:
    lines: list[Markup] = []
    for share in (0.0, 0.5, 1.0):
        y = _y(top * share, top)
        lines.append(
            Markup('<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" class="grid"/>').format(
                _LEFT, WIDTH - _RIGHT, y, y
            )
        )
        if share != 0.5 or top % 2 == 0:  # noqa: PLR2004  (a half of an odd number is no count)
            lines.append(_text(_LEFT - 8, y + 4, f"{int(top * share):,}", "end"))
    return Markup("").join(lines)


def _bar(x: float, slot: float, value: int, top: int, number: int) -> Markup:
    y = _y(value, top)
    wide = max(slot * (0.88 - 0.3 * number), 1.0)
    return _rect(x + (slot - wide) / 2, y, wide, HEIGHT - _FOOT - y, f"series-{min(number, 3)}")


def _hover(x: float, slot: float, day: date, values: Sequence[int], series: Sequence[str]) -> Markup:
    told = ", ".join(f"{name} {value:,}" for name, value in zip(series, values, strict=True))
    return _SPOT.format(x, _TOP, slot, HEIGHT - _FOOT - _TOP, f"{day.day} {day:%b %Y}: {told}")


def _rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return _RECT.format(x, y, width, max(height, 0.0), kind)


def _text(x: float, y: float, words: str, anchor: str, kind: str = "soft") -> Markup:
    return _TEXT.format(x, y, anchor, kind, words)


def _y(value: float, top: int) -> float:
    return HEIGHT - _FOOT - (HEIGHT - _FOOT - _TOP) * value / top


def _round_up(value: int) -> int:
    """The next number that a scale likes to end with: 1, 2, 4, 5, 10, 20, 40, 50, 100, ..."""
    power = 10 ** max(len(str(value)) - 1, 0)
    return next(step * power for step in (1, 2, 4, 5, 10) if step * power >= max(value, 1))


def _sums(days: Sequence[Bar], series: Sequence[str]) -> str:
    sums = [sum(values[number] for _, values in days) for number in range(len(series))]
    return ", ".join(f"{name} {total:,}" for name, total in zip(series, sums, strict=True)) + "."
