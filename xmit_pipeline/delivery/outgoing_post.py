"""One post of an outgoing webhook: signed, bounded in time and in what is read, never redirected (SPEC 8)."""

import re
import socket
import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from xmit_pipeline.delivery.outgoing_address import AddressRefused, connect
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.webhooks import body_of, signature

CONNECT_SECONDS = 5.0
"""For the name and all of its addresses together."""
WHOLE_SECONDS = 10.0
"""For everything after the connection: a receiver that has work to do answers first."""
READ_BYTES = 2_000
SHOWN_LETTERS = 300
_GOOD = range(200, 300)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffd]+")


@dataclass(frozen=True, slots=True)
class Heard:
    """What one post came to. `status_code` is None where no answer came; `words` say what was wrong, if anything."""

    delivered: bool
    status_code: int | None
    words: str


def post_delivery(delivery: Mapping[str, Any], *, private_allowed: bool) -> Heard:
    """Post a delivery's row, which has its endpoint's `url` and `secret`; never raises for what the network does."""
    body = body_of(delivery)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"xmit/{version('xmit')}",
        "X-Xmit-Id": public_id(Kind.DELIVERY, delivery["id"]),
        "X-Xmit-Timestamp": str(int(datetime.now(UTC).timestamp())),
        "X-Xmit-Signature": signature(delivery["secret"], body),
    }
    try:
        return _post(delivery["url"], body, headers, private_allowed=private_allowed)
    except AddressRefused as error:
        return Heard(delivered=False, status_code=None, words=str(error))
    except TimeoutError:
        return Heard(delivered=False, status_code=None, words=f"no answer within {WHOLE_SECONDS:.0f} seconds")
    except (OSError, HTTPException, UnicodeError) as error:
        return Heard(delivered=False, status_code=None, words=f"no answer: {_printable(str(error))}")


def _post(url: str, body: bytes, headers: dict[str, str], *, private_allowed: bool) -> Heard:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    plain = _connection(host, port, private_allowed=private_allowed)
    plain.settimeout(WHOLE_SECONDS)
    with _ended_after(plain, WHOLE_SECONDS) as late:
        try:
            wire = _tls().wrap_socket(plain, server_hostname=host) if secure else plain
            with wire:
                return _exchange(wire, parts.netloc, _target(url), body, headers)
        except (OSError, HTTPException) as error:
            if late.is_set():
                raise TimeoutError from error
            raise
        finally:
            plain.close()


def _connection(host: str, port: int, *, private_allowed: bool) -> socket.socket:
    try:
        return connect(host, port, CONNECT_SECONDS, private_allowed=private_allowed)
    except TimeoutError as error:
        raise OSError(f"no connection within {CONNECT_SECONDS:.0f} seconds") from error


def _exchange(wire: socket.socket, netloc: str, target: str, body: bytes, headers: dict[str, str]) -> Heard:
    connection = HTTPConnection(netloc)
    connection.sock = wire
    connection.request("POST", target, body, {"Host": netloc, "Connection": "close", **headers})
    with connection.getresponse() as answer:
        if answer.status in _GOOD:
            return Heard(delivered=True, status_code=answer.status, words="")
        words = _printable(answer.read(READ_BYTES).decode(errors="replace"))
        return Heard(delivered=False, status_code=answer.status, words=words)


@contextmanager
def _ended_after(connection: socket.socket, seconds: float) -> Generator[threading.Event]:
    """Shuts a connection down when its time is over: a time-out of the socket's own begins anew with every byte."""
    late, twin = threading.Event(), connection.dup()

    def end() -> None:
        late.set()
        with suppress(OSError):  # the other side was first
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()
        twin.close()


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _printable(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:SHOWN_LETTERS]
