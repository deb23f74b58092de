"""The shapes of JSON: its type names, unknown fields, sizes. Knows nothing of mail."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from xmit_pipeline.sandbox.validation.refusals import Refusal

JsonObject: TypeAlias = dict[str, Any]

_TYPE_NAMES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def wrong_type(field: str, expected: type, given: object) -> Refusal:
    """A refusal that names both JSON types, as SendGrid's schema check words it."""
    return Refusal(
        f"Invalid type. Expected: {_TYPE_NAMES[expected]}, given: {_TYPE_NAMES[type(given)]}.", field
    )


def check_type(field: str, expected: type, given: object) -> Iterator[Refusal]:
    """Refuse any other JSON type; `true` is no integer."""
    if type(given) is not expected:
        yield wrong_type(field, expected, given)


def unknown_fields(field: str, given: JsonObject, allowed: frozenset[str]) -> Iterator[Refusal]:
    """Refuse each key that the API does not know; `field` is the object's own path, empty at the root."""
    if given.keys() <= allowed:
        return
    for name in given.keys() - allowed:
        yield Refusal(f"Additional property {name} is not allowed", f"{field}.{name}" if field else name)


def utf8_size(texts: Iterable[str]) -> int:
    """Bytes of all the texts together in UTF-8."""
    joined = "".join(texts)
    return len(joined) if joined.isascii() else len(joined.encode())
