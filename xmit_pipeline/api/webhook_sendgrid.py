"""`POST /webhooks/sendgrid`: SendGrid's events, verified, on disk, answered (SPEC 7). The store is not touched."""

import zlib
from dataclasses import dataclass
from typing import cast

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from xmit_pipeline.api.errors import refusal
from xmit_pipeline.delivery.signature import SIGNATURE, TIMESTAMP, fresh, signed, webhook_key
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.event_files import keep_body

router = APIRouter(include_in_schema=False)

LARGEST_UNPACKED = 20_000_000
"""SendGrid posts 768 KB; a small body that unpacks to more than this is no batch of events."""
AT_ONCE = 16
"""Bodies verified and synced to disk side by side; others wait in line."""

_NO_KEY = (
    "This address takes no events: no key is set to verify them with. Run `xmit setup-sendgrid`, or set "
    "SENDGRID_WEBHOOK_PUBLIC_KEY to the key that SendGrid shows."
)
_NOT_SIGNED = "The signature is not SendGrid's, or too old; see `xmit doctor` for the key that is used."
_TOO_LARGE = "The body unpacks to more than 20 MB."
_NOT_PACKED = "The body is not what its Content-Encoding says; send it as it is, or with gzip."


class Refused(Exception):
    """The answer to a body that is not taken."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Receiving:
    """Where bodies go, and by which key and clock they are judged."""

    settings: Settings
    clock: Clock
    limiter: CapacityLimiter


def opened_receiving(settings: Settings, clock: Clock) -> Receiving:
    """For one process."""
    return Receiving(settings, clock, CapacityLimiter(AT_ONCE))


@router.post("/webhooks/sendgrid")
async def take_events(request: Request) -> Response:
    """200 once the body is on disk; 403, and nothing written, where it is not SendGrid's."""
    receiving = cast(Receiving, request.app.state.receiving)
    body = await request.body()
    try:
        await to_thread.run_sync(_take, receiving, request, body, limiter=receiving.limiter)
    except Refused as error:
        return refusal(error.status, str(error))
    except OSError as error:
        return refusal(
            503, f"The events can't be written down: {error.strerror}. Make room, or mend the folder."
        )
    return Response(status_code=200)


def _take(receiving: Receiving, request: Request, body: bytes) -> None:
    key = webhook_key(receiving.settings)
    if not key:
        raise Refused(403, _NO_KEY)
    signature, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not fresh(timestamp, receiving.clock.now()):
        raise Refused(403, _NOT_SIGNED)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    proved = signed(key, timestamp, body, signature)
    if encoding != "identity":
        # nobody says whether the packed or the plain body is signed: either proves the sender
        body = _unpacked(body, encoding, proved=proved)
        proved = proved or signed(key, timestamp, body, signature)
    if not proved:
        raise Refused(403, _NOT_SIGNED)
    keep_body(receiving.settings.home, body)


def _unpacked(body: bytes, encoding: str, *, proved: bool) -> bytes:
    """A body as it was before it was packed; a stranger's is refused alike, whatever is wrong with it.

    A packed body may be several members one after the other, and zeros behind them (RFC 1952).
    """
    fault = Refused(415, _NOT_PACKED) if proved else Refused(403, _NOT_SIGNED)
    if encoding != "gzip":
        raise fault
    plain, rest = bytearray(), body
    while rest:
        unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            plain += unpacking.decompress(rest, LARGEST_UNPACKED + 1 - len(plain))
        except zlib.error as error:
            raise fault from error
        if len(plain) > LARGEST_UNPACKED:
            raise Refused(413, _TOO_LARGE)
        if not unpacking.eof:
            raise fault
        rest = unpacking.unused_data.lstrip(b"\0")
    return bytes(plain)
