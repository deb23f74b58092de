"""Fields that may stand at message level and in each personalization, where they are merged key by key."""

from collections.abc import Iterator

from xmit_pipeline.sandbox.validation.refusals import BAD_REQUEST, Refusal
from xmit_pipeline.sandbox.validation.shape import JsonObject, utf8_size, wrong_type

MAX_BYTES = 10_000
_SCHEDULE_SECONDS = 72 * 3600
_RESERVED_HEADERS = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
_TEXT = frozenset({str})
_TEXT_OR_NULL = frozenset({str, type(None)})


def check_subject(field: str, given: object) -> Iterator[Refusal]:
    """A subject is at least one character."""
    if not isinstance(given, str):
        yield wrong_type(field, str, given)
    elif not given:
        yield Refusal("The subject has to be at least one character long.", field)


def check_send_at(field: str, given: object, now: float) -> Iterator[Refusal]:
    """Unix seconds, at most 72 hours after `now`; the past means now."""
    if type(given) is not int:
        yield Refusal("send_at has to be a Unix timestamp, an integer of seconds.", field)
    elif given > now + _SCHEDULE_SECONDS:
        yield Refusal("Nothing can be scheduled more than 72 hours ahead.", field)


def check_headers(field: str, given: object) -> Iterator[Refusal]:
    """Names are printable ASCII, not reserved, not repeated in another case; values are texts on one line."""
    if not isinstance(given, dict):
        yield wrong_type(field, dict, given)
        return
    names = {name.lower() for name in given}
    if len(names) < len(given):
        yield Refusal("A header can't be given twice.", field)
    for name in names & _RESERVED_HEADERS:
        yield Refusal(f"{name} is a reserved header and can't be set.", field)
    for name, value in given.items():
        yield from _check_header(field, name, value)


def _check_header(field: str, name: str, value: object) -> Iterator[Refusal]:
    if not (name.isascii() and name.isprintable() and name) or " " in name or ":" in name:
        yield Refusal("A header's name has to be ASCII without spaces.", f"{field}.{name}")
    if not isinstance(value, str):
        yield Refusal("A header's value has to be a string.", f"{field}.{name}")
    elif "\r" in value or "\n" in value:
        yield Refusal("A header's value can't hold a line break.", f"{field}.{name}")


def check_custom_args(field: str, given: object, root: JsonObject) -> Iterator[Refusal]:
    """Not empty, strings only; merged over the message's own, names and values are at most 10,000 bytes."""
    if not isinstance(given, dict):
        yield wrong_type(field, dict, given)
    elif not given:
        yield Refusal("custom_args can't be empty; leave the field out.", field)
    elif not _TEXT.issuperset(map(type, given.values())):
        yield Refusal("Every custom argument has to be a string.", field)
    else:
        merged = {**root, **given}
        if utf8_size([*merged, *merged.values()]) > MAX_BYTES:
            yield Refusal("Message and personalization custom_args exceed 10,000 bytes together.", field)


def check_substitutions(field: str, given: object) -> Iterator[Refusal]:
    """Strings (or null), at most 10,000 bytes, tags and values counted together."""
    if not isinstance(given, dict):
        yield wrong_type(field, dict, given)
    elif not _TEXT_OR_NULL.issuperset(map(type, given.values())):
        yield BAD_REQUEST
    elif utf8_size([*given, *filter(None, given.values())]) > MAX_BYTES:
        yield Refusal("The substitutions of a personalization exceed 10,000 bytes.", field)
