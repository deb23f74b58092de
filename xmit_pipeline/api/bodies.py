"""What a body may be before anybody reads it: not over 10 MB, not slow, and JSON by its own word (SPEC 9)."""

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xmit_pipeline.api.errors import refusal

LARGEST_BODY = 10_000_000
PIECE_SECONDS = 10.0
"""How long a client may take over the next piece of a body."""
BODY_SECONDS = 120.0
"""And over all of it: 10 MB at 0.7 Mbit/s."""
ANY_KIND = ("/u/", "/webhooks/")
"""Where mail programs post what they like; the address says it all (RFC 8058). And where SendGrid signs bytes."""

_TOO_LARGE = "The body is over 10 MB; split it into several calls."
_TOO_SLOW = "The body did not arrive in time; send it faster, or split it into several calls."
_NOT_JSON = "Send the body as JSON, with `Content-Type: application/json`."
_ENCODED = "Send the body as it is, without Content-Encoding."


class BodyGuard:
    """Takes a whole body in, chunked or not, and hands it on; 413 where it is too large, 415 where not JSON.

    With `forms` what kind it is, is the reader's to say: the dashboard's pages take forms.
    """

    def __init__(self, app: ASGIApp, *, forms: bool = False) -> None:
        self._app = app
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        try:
            body = None if _declared(headers) > LARGEST_BODY else await _taken_in(receive)
        except ClientDisconnect:
            return
        except TimeoutError:
            await refusal(408, _TOO_SLOW, headers={"Connection": "close"})(scope, receive, send)
            return
        answer = refusal(413, _TOO_LARGE) if body is None else None
        if body and not self._forms and not scope["path"].startswith(ANY_KIND):
            answer = _refused_kind(headers, body)
        await (answer or self._app)(scope, _again(body or b"", receive), send)


def _declared(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


async def _taken_in(receive: Receive) -> bytes | None:
    """The body; None as soon as it is too large. Half a body of somebody who left is never acted on."""
    parts: list[bytes] = []
    taken, more = 0, True
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    while more:
        async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + PIECE_SECONDS)):
            message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        taken += len(parts[-1])
        if taken > LARGEST_BODY:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _refused_kind(headers: MutableHeaders, body: bytes) -> Response | None:
    if not body:
        return None
    if headers.get("content-encoding", "identity").lower() != "identity":
        return refusal(415, _ENCODED)
    kind = headers.setdefault("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return None
    return refusal(415, _NOT_JSON)


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
