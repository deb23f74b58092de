"""What the audit keeps of a call's body: what was changed, without the words and data of other people."""

import math
import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from xmit_pipeline.model.addresses import fold_address
from xmit_pipeline.model.ids import Kind

MOST_NAMES = 50
MOST_VALUES = 100

_FIELD = re.compile(r"[A-Za-z]{1,40}")
_ID = re.compile(rf"(?:{'|'.join(Kind)})_[0-7][0-9a-hjkmnp-tv-z]{{25}}")
_ADDRESSEE = "to"
"""Whom a test was sent to: the one address that no id stands for."""
_INTEGERS = range(-(2**63), 2**63)


def kept_of(body: object, shape: object) -> dict[str, Any]:
    """Ids, choices, numbers and yes or no as they are; of a list the first 100, and how many there were.

    Of everything else the field's name alone, 50 at most. `shape` is the body's model: what it does not know is
    somebody's data, whatever it looks like.
    """
    if not isinstance(body, dict):
        return {}
    known, kept, names = _fields(shape), dict[str, Any](), list[str]()
    for name, value in body.items():
        told = _told(name, value, _choices(known[name])) if name in known else {}
        kept |= told
        if not told and _FIELD.fullmatch(name):
            names.append(name)
    return kept | ({"fields": names[:MOST_NAMES]} if names else {})


def _told(name: str, value: object, choices: frozenset[str]) -> dict[str, Any]:
    if name == _ADDRESSEE and isinstance(value, str):
        return {name: fold_address(value)}
    if not isinstance(value, list):
        return {name: value} if _tells(value, choices) else {}
    shown = list(islice((each for each in value if _tells(each, choices)), MOST_VALUES))
    return {name: shown, f"{name}Count": len(value)} if shown else {}


def _tells(value: object, choices: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in choices or _ID.fullmatch(value) is not None
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and value in _INTEGERS


def _fields(shape: object) -> dict[str, object]:
    """A model's fields by their names outside, with what each takes; an optional body's too."""
    return {
        field.alias or to_camel(name): field.annotation
        for model in (shape, *get_args(shape))
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
    }


def _choices(kind: object) -> frozenset[str]:
    """The texts among which a field chooses; none where it takes any text."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return frozenset(kind)
    return _union(_choices(each) for each in get_args(kind))


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)
