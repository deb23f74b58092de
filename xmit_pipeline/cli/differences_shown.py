"""A difference as lines that a person reads: `+` for new, `~` for changed, `-` for removed."""

from collections.abc import Iterator
from decimal import Decimal
from difflib import unified_diff
from itertools import islice
from typing import Any

from pydantic.alias_generators import to_camel

from xmit_pipeline.model.delays import DelayUnit, in_words
from xmit_pipeline.store.declared import Change, FieldChange, Mark

MOST_BODY_LINES = 12
LONGEST_VALUE = 200
FILE_LINES = 2
"""Lines that a unified difference spends on the names of two files, before the first that differs."""
BODIES = ("body_html", "body_text")

Line = tuple[Mark | None, str]


def lines_of(change: Change, depth: int = 0) -> Iterator[Line]:
    """A thing, its fields below it, then a sequence's steps; each line with the mark that it is coloured by."""
    indent = "  " * depth
    yield change.mark, f"{indent}{change.mark} {change.kind} {_short(change.name)}{_said(change)}"
    if change.mark is Mark.CHANGE:
        for field in change.fields:
            yield from _field_lines(field, f"{indent}    ")
    for part in change.parts:
        yield from lines_of(part, depth + 1)


def _said(change: Change) -> str:
    """What a new thing is like, in brackets; its bodies are in the file."""
    if change.mark is not Mark.CREATE:
        return ""
    told = [f"{_key(field)} {_value(field.after)}" for field in change.fields if field.field not in BODIES]
    return f" ({', '.join(told)})" if told else ""


def _field_lines(field: FieldChange, indent: str) -> Iterator[Line]:
    if field.field in BODIES and isinstance(field.before, str) and isinstance(field.after, str):
        yield None, f"{indent}{_key(field)}"
        yield from ((None, f"{indent}  {line}") for line in _body_difference(field.before, field.after))
    else:
        yield None, f"{indent}{_key(field)} {_value(field.before)} -> {_value(field.after)}"


def _body_difference(before: str, after: str) -> list[str]:
    """The lines that differ, without what stands around them."""
    compared = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    lines = [_short(line) for line in islice(compared, FILE_LINES, None) if not line.startswith("@@")]
    if not lines:
        return ["(line ends or blanks alone)"]
    more = len(lines) - MOST_BODY_LINES
    return [*lines[:MOST_BODY_LINES], f"... and {more} more"] if more > 0 else lines


def _key(field: FieldChange) -> str:
    return ".".join(map(to_camel, field.field.split(".")))


def _value(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case (int() as amount, str() as unit):
            return in_words(amount, DelayUnit(unit)).removeprefix("after ")
        case tuple() | list():
            return ", ".join(_value(one) for one in value)
        case Decimal():
            return f"{value.normalize():f}"
        case _:
            return _short(str(value)) or "nothing"


def _short(text: str) -> str:
    """On one line, control characters written out, and not too long."""
    plain = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return plain if len(plain) <= LONGEST_VALUE else f"{plain[:LONGEST_VALUE]}..."
