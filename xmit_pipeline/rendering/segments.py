"""A template's source taken apart into text and Liquid tags, as python-liquid's own lexer sees it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from liquid.lex import compile_liquid_rules

_RULES = compile_liquid_rules()
_PRINTING = frozenset({"echo", "cycle", "increment", "decrement"})
_COMMENTS = frozenset({"#", "comment", "endcomment"})


class Kind(Enum):
    """What a piece of source does."""

    TEXT = auto()
    PRINT = auto()  # puts a value where it stands
    CONTROL = auto()  # decides what is printed: if, for, assign


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece; whitespace control is already applied to the text around it."""

    kind: Kind
    source: str


def segments(source: str) -> Iterator[Segment]:
    """The pieces of a template that parses, in order; comments are left out, `raw` is text."""
    depth, strip = 0, False
    for match in _RULES.finditer(source):
        found, whole = match.lastgroup, match.group()
        name = match.group("name") if found == "TAG" else ""
        depth += (name == "comment") - (name == "endcomment" and depth > 0)
        if found == "content":
            text = whole.lstrip() if strip else whole
            text = text.rstrip() if match.group("rstrip") else text
        else:
            text, strip = whole, whole.endswith(("-%}", "-}}"))
        if not depth and found != "DOC" and name not in _COMMENTS:
            yield _segment(found, name, text if found != "RAW" else match.group("raw"))
        strip = strip and found != "content"


def _segment(found: str | None, name: str, text: str) -> Segment:
    if found in {"content", "RAW"}:
        return Segment(Kind.TEXT, text)
    plain = re.sub(r"-([%}]\})\Z", r" \1", re.sub(r"\A(\{[{%])-", r"\1 ", text))
    return Segment(Kind.PRINT if found == "output" or name in _PRINTING else Kind.CONTROL, plain)
