"""Signed unsubscribe tokens: one per message, no expiry, old secrets verify (SPEC 7, Unsubscribe).

A token is the message's and the contact's UUID in hex, and 32 hex digits of a SHA-256 over key and both. A
plain keyed hash is enough where inputs are of one length and half of the hash is kept: there is nothing to extend.
The claim's SQL signs a whole slice in the same way; this module verifies single ones.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

_ID = 32
_MAC = 32
_PURPOSE = b"xmit unsubscribe "


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose wish an unsubscribe link carries."""

    message_id: UUID
    contact_id: UUID


def link_key(secret: str) -> bytes:
    """The key for links, apart from what the same secret signs elsewhere."""
    return sha256(_PURPOSE + secret.encode()).digest()


def sign(wish: Wish, secret: str) -> str:
    """The token for one message; the claim's SQL writes the same."""
    body = wish.message_id.hex + wish.contact_id.hex
    return body + _mac(body, secret)


def verify(token: str, secrets: tuple[str, ...]) -> Wish | None:
    """The wish behind a token that any of the secrets signed; None where it is forged or torn."""
    body, mac = token[: 2 * _ID], token[2 * _ID :]
    genuine = [hmac.compare_digest(_mac(body, secret).encode(), mac.encode()) for secret in secrets]
    if len(mac) != _MAC or not any(genuine):
        return None
    return Wish(UUID(body[:_ID]), UUID(body[_ID:]))


def _mac(body: str, secret: str) -> str:
    return sha256(link_key(secret) + body.encode()).hexdigest()[:_MAC]
