"""Addresses: `{"email", "name"}` objects as they stand in to, cc, bcc, from and reply_to."""

import re
from collections.abc import Iterator

from xmit_pipeline.sandbox.validation.refusals import Refusal
from xmit_pipeline.sandbox.validation.shape import unknown_fields, wrong_type

_MAX_ADDRESS = 320
_MAX_DOMAIN = 253
_FIELDS = frozenset({"email", "name"})

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@({_LABEL}(?:\.{_LABEL})+)")


def is_address(text: str) -> bool:
    """Local part of 1 to 64 ASCII characters, and a domain of at least two labels."""
    match = _ADDRESS.fullmatch(text)
    return match is not None and len(match[1]) <= _MAX_DOMAIN


def domain_of(address: str) -> str:
    """The part behind the last @, in lower case."""
    return address.rpartition("@")[2].lower()


def check_party(field: str, given: object, *, recipient: bool = False) -> Iterator[Refusal]:
    """Refuse what is no `{"email", "name"}` object with a usable address; recipients' names are stricter."""
    if not isinstance(given, dict):
        yield wrong_type(field, dict, given)
        return
    yield from unknown_fields(field, given, _FIELDS)
    if "email" not in given:
        yield Refusal("The email is required.", f"{field}.email")
    else:
        yield from _check_email(f"{field}.email", given["email"])
    if "name" in given:
        yield from _check_name(f"{field}.name", given["name"], recipient=recipient)


def _check_email(field: str, given: object) -> Iterator[Refusal]:
    if not isinstance(given, str):
        yield wrong_type(field, str, given)
    elif len(given) > _MAX_ADDRESS:
        yield Refusal(f"The email is longer than {_MAX_ADDRESS} characters.", field)
    elif not is_address(given):
        yield Refusal("Does not contain a valid address.", field)


def _check_name(field: str, given: object, *, recipient: bool) -> Iterator[Refusal]:
    if not isinstance(given, str):
        yield wrong_type(field, str, given)
    elif "\r" in given or "\n" in given:
        yield Refusal("A name can't hold a line break.", field)
    elif recipient and (";" in given or "," in given):
        yield Refusal("A recipient's name can't hold a semicolon or a comma.", field)
