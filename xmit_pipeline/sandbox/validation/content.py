"""What the mail says: content parts and attachments."""

import base64
from collections.abc import Iterator

from xmit_pipeline.sandbox.validation.refusals import Refusal
from xmit_pipeline.sandbox.validation.shape import JsonObject, check_type, unknown_fields, wrong_type

_PART_FIELDS = frozenset({"type", "value"})
_ATTACHMENT_FIELDS = frozenset({"content", "type", "filename", "disposition", "content_id"})
_ORDER = ["text/plain", "text/html"]
_UNSAFE = frozenset(";,\r\n")


def check_content(message: JsonObject) -> Iterator[Refusal]:
    """At least one part, each with a type and a value; text/plain first, then text/html, then others."""
    given = message.get("content")
    if not isinstance(given, list):
        yield _missing() if given is None else wrong_type("content", list, given)
        return
    if not given:
        yield _missing()
    for index, part in enumerate(given):
        yield from _check_part(f"content.{index}", part)
    ranks = [_rank(part) for part in given]
    if ranks != sorted(ranks):
        yield Refusal("text/plain has to come first, then text/html, then any other type.", "content")


def _missing() -> Refusal:
    return Refusal("At least one content part is required.", "content")


def _rank(part: object) -> int:
    kind = part.get("type") if isinstance(part, dict) else None
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _check_part(field: str, part: object) -> Iterator[Refusal]:
    if not isinstance(part, dict):
        yield wrong_type(field, dict, part)
        return
    yield from unknown_fields(field, part, _PART_FIELDS)
    yield from _check_text(f"{field}.type", part.get("type"))
    yield from _check_text(f"{field}.value", part.get("value"))
    yield from _check_safe(f"{field}.type", part.get("type"))


def _check_text(field: str, given: object) -> Iterator[Refusal]:
    if given is None:
        yield Refusal("This field is required.", field)
    elif not isinstance(given, str):
        yield wrong_type(field, str, given)
    elif not given:
        yield Refusal("This field has to be a string of at least one character.", field)


def _check_safe(field: str, given: object) -> Iterator[Refusal]:
    if isinstance(given, str) and not _UNSAFE.isdisjoint(given):
        yield Refusal("This field can't hold a semicolon, a comma or a line break.", field)


def check_attachments(message: JsonObject) -> Iterator[Refusal]:
    """Base64 content and a file name; disposition is `inline` or `attachment`."""
    given = message.get("attachments", [])
    if not isinstance(given, list):
        yield wrong_type("attachments", list, given)
        return
    for index, attachment in enumerate(given):
        field = f"attachments.{index}"
        if isinstance(attachment, dict):
            yield from _check_attachment(field, attachment)
        else:
            yield wrong_type(field, dict, attachment)


def _check_attachment(field: str, given: JsonObject) -> Iterator[Refusal]:
    yield from unknown_fields(field, given, _ATTACHMENT_FIELDS)
    yield from _check_text(f"{field}.content", given.get("content"))
    if isinstance(given.get("content"), str) and not _is_base64(given["content"]):
        yield Refusal("The attachment's content has to be base64.", f"{field}.content")
    yield from _check_text(f"{field}.filename", given.get("filename"))
    if "type" in given:
        yield from _check_text(f"{field}.type", given["type"])
    if "content_id" in given:
        yield from check_type(f"{field}.content_id", str, given["content_id"])
    for name in ("filename", "type", "content_id"):
        yield from _check_safe(f"{field}.{name}", given.get(name))
    if given.get("disposition", "attachment") not in ("inline", "attachment"):
        yield Refusal("The disposition is either inline or attachment.", f"{field}.disposition")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
