"""An audit's entry in words: what was done, and what to, each id by its name and with its page."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from xmit_pipeline.model.ids import Kind, parse_known_ids, public_id
from xmit_pipeline.store.dashboard_audit import Named

MOST_TOLD = 20
"""Values of one fact that a page shows; how many more there are is said."""

VERBS = {
    "activate": "Activated", "archive": "Archived", "create": "Made", "delete": "Deleted", "pause": "Paused",
    "release": "Released", "resume": "Resumed", "update": "Changed", "verify": "Verified", "revoke": "Revoked",
}  # fmt: skip
NOUNS = {
    "contact": "a contact", "contacts": "contacts", "domain": "a domain", "key": "an API key", "list": "a list",
    "sender": "a sender", "sequence": "a sequence", "step": "a step", "suppression": "a suppression",
    "template": "a template", "warmup": "a warmup", "webhook": "a webhook",
}  # fmt: skip
DEEDS = {
    "add_list_contacts": "Put contacts on a list",
    "create_suppression": "Suppressed an address",
    "declare_domain": "Declared a domain verified",
    "delete_suppression": "Lifted a suppression",
    "enroll_contacts": "Enrolled contacts",
    "exit_enrollment": "Took somebody out of a sequence",
    "import_contacts": "Imported contacts",
    "make_default_sender": "Made a sender the default",
    "remove_list_contacts": "Took contacts off a list",
    "reorder_steps": "Changed the order of steps",
    "retry_webhook_delivery": "Told a webhook again",
    "rotate_webhook_secret": "Made a webhook's secret anew",
    "send_test_mail": "Sent a test",
    "settle_unknown": "Settled mail of unknown fate",
    "suppression.lift": "Lifted a suppression",
    "unsubscribe_contact": "Unsubscribed a contact",
    "webhook.disable": "Switched a failing webhook off",
}
LABELS = {
    "id": "Which", "fields": "Given", "idOrEmail": "Which", "to": "To", "key": "Key", "bodyHtml": "body",
    "bodyText": "plain text", "replyTo": "Reply-To", "resumeWindowMinutes": "resume window",
}  # fmt: skip
UNTOLD = frozenset({"uploadId"})
"""Facts that say nothing to a person."""
PAGES = {
    Kind.SEQUENCE: "/sequences/{id}",
    Kind.STEP: "/sequences/{within}/steps/{id}",
    Kind.ENROLLMENT: "/sequences/{within}/enrollments/{id}",
    Kind.CONTACT: "/contacts/{id}",
    Kind.LIST: "/lists/{id}",
    Kind.SENDER: "/sending/senders/{id}/edit",
    Kind.DOMAIN: "/sending/domains/{id}",
    Kind.TEMPLATE: "/settings/templates/{id}",
    Kind.WEBHOOK: "/settings/webhooks/{id}",
}

_ID = re.compile(rf"(?:{'|'.join(Kind)})_[0-9a-z]{{26}}")


@dataclass(frozen=True, slots=True)
class Told:
    """One value in words, and its page where it has one."""

    words: str
    page: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """What one of an entry's facts is called, its first values, and how many more there are."""

    label: str
    values: list[Told]
    more: int = 0


def deed(what: str) -> str:
    """`update_step` as `Changed a step`."""
    verb, _, noun = what.partition("_")
    if what in DEEDS or verb not in VERBS or noun not in NOUNS:
        return DEEDS.get(what, what.replace("_", " ").replace(".", " ").capitalize())
    return f"{VERBS[verb]} {NOUNS[noun]}"


def ids_in(entries: Iterable[Mapping[str, Any]]) -> list[UUID]:
    """Every public id in these entries' details."""
    found = {text for details in entries for value in details.values() for text in _texts(value)}
    return [each for text in found if (each := _uuid(text))]


def facts_of(details: Mapping[str, Any], names: Mapping[UUID, Named]) -> list[Fact]:
    """An entry's facts; the count that stands beside a list says how many more it had."""
    return [
        _fact(name, value, details.get(f"{name}Count"), names)
        for name, value in details.items()
        if name not in UNTOLD and (not name.endswith("Count") or name.removesuffix("Count") not in details)
    ]


def _fact(name: str, value: Any, count: int | None, names: Mapping[UUID, Named]) -> Fact:
    if name == "fields" and isinstance(value, list):
        value = list(dict.fromkeys(_label(each).lower() for each in value))
    values = value if isinstance(value, list) else [value]
    shown = [_told(each, names) for each in values[:MOST_TOLD]]
    return Fact(_label(name), shown, max(count or 0, len(values)) - len(shown))


def _told(value: Any, names: Mapping[UUID, Named]) -> Told:
    if isinstance(value, bool):
        return Told("yes" if value else "no")
    if not isinstance(value, str):
        return Told(orjson.dumps(value).decode())
    known = names.get(found) if (found := _uuid(value)) else None
    if known is None:
        return Told(value.replace("_", " ") if value.islower() and not _ID.fullmatch(value) else value)
    page = None if known.gone else PAGES.get(Kind(known.kind))
    within = public_id(Kind.SEQUENCE, known.within) if known.within else ""
    return Told(known.name, page.format(id=value, within=within) if page else None)


def _label(name: str) -> str:
    """`contactIds` as `Contacts`."""
    if name in LABELS:
        return LABELS[name]
    plain = re.sub(r"Id(s?)$", r"\1", name)
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found[1].lower()}", plain).capitalize()


def _texts(value: Any) -> Iterator[str]:
    for each in value[:MOST_TOLD] if isinstance(value, list) else [value]:
        if isinstance(each, str) and _ID.fullmatch(each):
            yield each


def _uuid(text: str) -> UUID | None:
    if not _ID.fullmatch(text):
        return None
    [found] = parse_known_ids(Kind(text[:3]), [text])
    return found
