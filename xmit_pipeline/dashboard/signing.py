"""What a browser keeps for us and must not change: signed texts. The first secret signs, all verify (SPEC 10)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import orjson

Secrets = tuple[str, ...]


def sealed(purpose: str, content: dict[str, Any], secrets: Secrets) -> str:
    """The content and its signature as one text for a cookie; `purpose` keeps one kind from passing as another."""
    body = urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")
    return f"{body}.{mark_of(purpose, body, secrets[0])}"


def opened(purpose: str, text: str, secrets: Secrets) -> dict[str, Any] | None:
    """What was sealed; None where it was forged, torn, or sealed for another purpose."""
    body, _, mark = text.rpartition(".")
    if not is_marked(purpose, body, mark, secrets):
        return None
    return orjson.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def mark_of(purpose: str, text: str, secret: str) -> str:
    """A text's signature in hex, good for this purpose alone."""
    key = sha256(f"xmit dashboard {purpose} {secret}".encode()).digest()
    return hmac.new(key, text.encode("utf-8", "replace"), sha256).hexdigest()


def is_marked(purpose: str, text: str, mark: str, secrets: Secrets) -> bool:
    """Whether any of the secrets signed this text."""
    given = mark.encode("utf-8", "replace")
    genuine = [hmac.compare_digest(mark_of(purpose, text, secret).encode(), given) for secret in secrets]
    return any(genuine)
