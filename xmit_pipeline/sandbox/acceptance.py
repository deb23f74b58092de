"""Whether a Mail Send call is accepted: read, validated, then kept whole or refused whole. No HTTP in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import orjson

from xmit_pipeline.sandbox.account import Account
from xmit_pipeline.sandbox.validation.message import check_message
from xmit_pipeline.sandbox.validation.personalizations import ROLES
from xmit_pipeline.sandbox.validation.refusals import BAD_REQUEST, Refusal, Refused
from xmit_pipeline.sandbox.validation.settings import is_preflight
from xmit_pipeline.sandbox.validation.shape import JsonObject

# "less than 30 MB" leaves open which megabyte; what passes here must pass there
MAX_BYTES = 30_000_000


@dataclass(frozen=True, slots=True)
class Post:
    """A Mail Send call as it came over the wire, and the time that its mail will bear."""

    raw: bytes
    content_type: str
    content_encoding: str
    accepted_at: datetime


def accept(account: Account, post: Post) -> str | None:
    """Keep the mail and answer its X-Message-Id, or None where sandbox_mode asked for a validation only.

    Raises Refused (400, 403, 415), and counts the refusal.
    """
    try:
        body = _read(post)
        _check(account, body, post.accepted_at)
    except Refused:
        account.mailbox.count_refusal()
        raise
    if is_preflight(body):
        account.mailbox.count_preflight()
        return None
    return account.mailbox.accept(post.raw, body, post.accepted_at)


def _read(post: Post) -> JsonObject:
    if post.content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, [Refusal("Content-Type has to be application/json.")])
    if post.content_encoding.lower() not in ("", "identity"):
        raise Refused(415, [Refusal("Compressed bodies are not switched on for this account.")])
    try:
        return orjson.loads(post.raw)
    except orjson.JSONDecodeError as error:
        raise _unreadable(post.raw) from error


def _unreadable(raw: bytes) -> Refused:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return Refused(415, [Refusal("Invalid UTF8 in request")])
    return Refused(400, [BAD_REQUEST])


def _check(account: Account, body: JsonObject, at: datetime) -> None:
    refusals = check_message(body, at.timestamp()) or [
        *_refused_addresses(account, body),
        *_refused_content(account, body),
    ]
    if refusals:
        raise Refused(400, refusals)
    if not account.may_send_from(body["from"]["email"]):
        raise Refused(403, [Refusal("The from address does not match a verified Sender Identity.", "from")])


def _refused_addresses(account: Account, body: JsonObject) -> Iterator[Refusal]:
    if not account.faults.refuses_addresses:
        return
    for index, one in enumerate(body["personalizations"]):
        for role in ROLES:
            for position, party in enumerate(one.get(role, ())):
                rule = account.faults.refused_address(party["email"])
                if rule is not None:
                    place = f"personalizations.{index}.{role}.{position}.email"
                    yield Refusal(rule.message, place if rule.named else None)


def _refused_content(account: Account, body: JsonObject) -> Iterator[Refusal]:
    texts = [body.get("subject", ""), *(part["value"] for part in body.get("content", ()))]
    words = account.faults.refused_content(texts)
    if words is not None:
        yield Refusal(words, "content")
