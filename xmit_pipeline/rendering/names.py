"""The names a template may use for one person (SPEC 5): four built in, then every key of the metadata."""

from collections.abc import Mapping
from typing import Any

import orjson

from xmit_pipeline.rendering.faults import RenderFault

BUILT_IN = {
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "unsubscribe_url": "unsubscribe_url",
}
"""Name in a template -> column of a person."""

NO_METADATA = "The contact's metadata is not a JSON object of at most 100 levels; correct it to reach them."

_DEPTH_LIMIT = 100  # Python writes no value nested much deeper than its recursion limit
_SHALLOW = 2 * _DEPTH_LIMIT  # a shorter text has no room for more levels

Document = dict[str, Any]


def names_of(person: Mapping[str, object]) -> Document:
    """Every name with its value; what is null is missing, and built-in names win.

    Integers beyond 64 bits are floats, as orjson reads them. Raises RenderFault on bad metadata.
    """
    text = person.get("metadata")
    document = read_documents([text])[0] if isinstance(text, str) else None
    if document is None:
        raise RenderFault(NO_METADATA)
    names = {key: value for key, value in document.items() if value is not None}
    for name, column in BUILT_IN.items():
        value = person.get(column)
        if value is None:
            names.pop(name, None)
        else:
            names[name] = value
    return names


def read_documents(texts: list[str]) -> list[Document | None]:
    """Each metadata text as its object; None where it is none."""
    try:
        found = [orjson.loads(text) for text in texts]
    except orjson.JSONDecodeError:
        found = [_loaded(text) for text in texts]
    return [
        value
        if isinstance(value, dict) and (len(text) <= _SHALLOW or not _is_too_deep(text, value))
        else None
        for text, value in zip(texts, found, strict=True)
    ]


def _loaded(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _is_too_deep(text: str, value: object) -> bool:
    if text.count("[") + text.count("{") <= _DEPTH_LIMIT:
        return False
    level = [value]
    for _ in range(_DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
    return bool(level)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
