"""One accepted mail as its reader gets it: personalization over message, tags resolved."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from xmit_pipeline.sandbox.substitution import Substitution
from xmit_pipeline.sandbox.validation.personalizations import ROLES
from xmit_pipeline.sandbox.validation.shape import JsonObject


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one recipient, finally rendered; `html` or `text` is None where there is no such part."""

    number: int
    request: int
    message_id: str
    accepted_at: datetime
    to: str
    to_name: str
    sender: str
    sender_name: str
    subject: str
    html: str | None
    text: str | None
    headers: dict[str, str]
    custom_args: dict[str, str]
    categories: list[str]

    def as_json(self) -> dict[str, Any]:
        """The mail in the form of `GET /_sandbox/messages`."""
        return {
            "to": self.to,
            "toName": self.to_name,
            "from": self.sender,
            "fromName": self.sender_name,
            "subject": self.subject,
            "html": self.html,
            "text": self.text,
            "headers": self.headers,
            "customArgs": self.custom_args,
            "categories": self.categories,
            "acceptedAt": as_instant(self.accepted_at),
            "messageId": self.message_id,
            "request": self.request,
        }


def as_instant(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, `2026-03-01T09:00:00.000Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def recipients(body: JsonObject) -> Iterator[tuple[JsonObject, JsonObject]]:
    """Each recipient of a request beside the personalization it stands in: one mail each, in order."""
    for one in body["personalizations"]:
        for role in ROLES:
            for party in one.get(role, ()):
                yield one, party


def merged(body: JsonObject, one: JsonObject, name: str) -> dict[str, str]:
    """`headers` or `custom_args` of one personalization, laid over the message's own."""
    return {**body.get(name, {}), **one.get(name, {})}


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """One Mail Send call that was accepted: its place in the mailbox, its id, its time, its body."""

    number: int
    message_id: str
    accepted_at: datetime
    body: JsonObject

    def mail(self, ordinal: int, number: int) -> Mail:
        """The mail to its `ordinal`-th recipient; `number` is that mail's place in the mailbox."""
        one, party = next(islice(recipients(self.body), ordinal, None))
        sender = one.get("from", self.body["from"])
        tags = Substitution(one.get("substitutions", {}))
        parts = {part["type"]: part["value"] for part in reversed(self.body["content"])}
        html, text = parts.get("text/html"), parts.get("text/plain")
        return Mail(
            number=number,
            request=self.number,
            message_id=self.message_id,
            accepted_at=self.accepted_at,
            to=party["email"],
            to_name=party.get("name", ""),
            sender=sender["email"],
            sender_name=sender.get("name", ""),
            subject=tags.resolve(one.get("subject", self.body.get("subject", ""))),
            html=None if html is None else tags.resolve(html),
            text=None if text is None else tags.resolve(text),
            headers=merged(self.body, one, "headers"),
            custom_args=merged(self.body, one, "custom_args"),
            categories=self.body.get("categories", []),
        )
