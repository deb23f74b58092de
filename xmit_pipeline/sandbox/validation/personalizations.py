"""The personalizations array: who gets the mail, and what differs for each of them."""

from collections.abc import Iterator
from typing import Any

from xmit_pipeline.sandbox.validation.addresses import check_party, domain_of
from xmit_pipeline.sandbox.validation.merged import (
    check_custom_args,
    check_headers,
    check_send_at,
    check_subject,
    check_substitutions,
)
from xmit_pipeline.sandbox.validation.refusals import Refusal
from xmit_pipeline.sandbox.validation.shape import JsonObject, check_type, unknown_fields, wrong_type

MAX_PERSONALIZATIONS = 1000
MAX_RECIPIENTS = 1000
ROLES = ("to", "cc", "bcc")
_FIELDS = frozenset(
    {
        *ROLES,
        "from",
        "subject",
        "headers",
        "substitutions",
        "dynamic_template_data",
        "custom_args",
        "send_at",
    }
)


def check_personalizations(message: JsonObject, now: float) -> Iterator[Refusal]:
    """1 to 1,000 of them, 1,000 recipients together, no address twice in the request in any case."""
    given = message.get("personalizations")
    if not isinstance(given, list):
        yield _missing() if given is None else wrong_type("personalizations", list, given)
        return
    if not given:
        yield _missing()
    if len(given) > MAX_PERSONALIZATIONS:
        yield Refusal(
            f"A request takes at most {MAX_PERSONALIZATIONS} personalizations, this one has {len(given)}.",
            "personalizations",
        )
        return
    yield from _check_each(given, message, now)


def _missing() -> Refusal:
    return Refusal("At least one personalization is required.", "personalizations")


def _check_each(given: list[object], message: JsonObject, now: float) -> Iterator[Refusal]:
    seen: set[str] = set()
    recipients = 0
    for index, one in enumerate(given):
        field = f"personalizations.{index}"
        if not isinstance(one, dict):
            yield wrong_type(field, dict, one)
            continue
        yield from unknown_fields(field, one, _FIELDS)
        yield from _check_recipients(field, one, seen)
        yield from _check_differences(field, one, message, now)
        recipients += sum(len(one[role]) for role in ROLES if isinstance(one.get(role), list))
    if recipients > MAX_RECIPIENTS:
        yield Refusal(
            f"A request takes at most {MAX_RECIPIENTS} recipients, to, cc and bcc together.",
            "personalizations",
        )


def _check_recipients(field: str, one: JsonObject, seen: set[str]) -> Iterator[Refusal]:
    if not one.get("to"):
        yield Refusal("Every personalization needs at least one recipient in to.", f"{field}.to")
    for role in ROLES:
        if role not in one:
            continue
        parties = one[role]
        if not isinstance(parties, list):
            yield wrong_type(f"{field}.{role}", list, parties)
            continue
        for position, party in enumerate(parties):
            yield from check_party(f"{field}.{role}.{position}", party, recipient=True)
            yield from _check_unique(field, f"{field}.{role}", party, seen)


def _check_unique(field: str, place: str, party: object, seen: set[str]) -> Iterator[Refusal]:
    email = party.get("email") if isinstance(party, dict) else None
    if not isinstance(email, str):
        return
    address = email.lower()
    if address in seen:
        yield Refusal(f"Each address can stand in a request once. [{email}] is repeated in {place}.", field)
    seen.add(address)


def _check_differences(field: str, one: JsonObject, message: JsonObject, now: float) -> Iterator[Refusal]:
    if "subject" in one:
        yield from check_subject(f"{field}.subject", one["subject"])
    if "headers" in one:
        yield from check_headers(f"{field}.headers", one["headers"])
    if "substitutions" in one:
        yield from check_substitutions(f"{field}.substitutions", one["substitutions"])
    if "custom_args" in one:
        yield from check_custom_args(f"{field}.custom_args", one["custom_args"], _root_args(message))
    if "send_at" in one:
        yield from check_send_at(f"{field}.send_at", one["send_at"], now)
    if "dynamic_template_data" in one:
        yield from check_type(f"{field}.dynamic_template_data", dict, one["dynamic_template_data"])
    if "from" in one:
        yield from _check_own_from(f"{field}.from", one["from"], message.get("from"))


def _root_args(message: JsonObject) -> JsonObject:
    args = message.get("custom_args")
    if isinstance(args, dict) and all(isinstance(value, str) for value in args.values()):
        return args
    return {}


def _check_own_from(field: str, given: Any, root: Any) -> Iterator[Refusal]:
    faults = [*check_party(field, given)]
    yield from faults
    comparable = not faults and not [*check_party("from", root)]
    if comparable and domain_of(given["email"]) != domain_of(root["email"]):
        yield Refusal("This from has to be on the domain of the message's own from.", f"{field}.email")
