"""The `sendgrid` client on a connection pool with time-outs: as it comes it opens a connection a call, and
waits for ever. This module knows HTTP; what an answer means is the model's.
"""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Self

import orjson
import urllib3
from python_http_client.client import Client, Response
from python_http_client.exceptions import HTTPError, err_dict
from sendgrid import SendGridAPIClient
from urllib3.util import parse_url

from xmit_pipeline.model.clock import Clock, iso
from xmit_pipeline.model.outcomes import Answer, Fault

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""SendGrid answers in well under a second; after half a minute the fate of a request is unknown."""
LONGEST_WAIT = 3600.0
"""Nobody is believed who asks for more than an hour: a probe costs one message."""
_NEVER_LEFT = ("CERTIFICATE_VERIFY_FAILED", "HANDSHAKE", "WRONG_VERSION_NUMBER")
_BAD = 400


def wait_of(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that an answer asks to wait: `Retry-After` (seconds or a date), else `X-RateLimit-Reset`.

    `now` in Unix seconds; None where neither says something sane.
    """
    after, reset = headers.get("Retry-After", "").strip(), headers.get("X-RateLimit-Reset", "").strip()
    if after.isdecimal():
        return min(float(after), LONGEST_WAIT)
    if after:
        try:
            return _until(parsedate_to_datetime(after).timestamp(), now)
        except (ValueError, OverflowError):
            return None
    return _until(float(reset), now) if reset.isdecimal() else None


def _asked_wait(error: HTTPError) -> float | None:
    headers: Any = error.headers
    return wait_of(headers, time.time())


def _until(moment: float, now: float) -> float:
    return min(max(moment - now, 0.0), LONGEST_WAIT)


class _PoolAnswer:
    """An urllib3 answer in the shape that `python_http_client.Response` reads."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer = answer

    def getcode(self) -> int:
        return self._answer.status

    def read(self) -> bytes:
        return self._answer.data

    def info(self) -> urllib3.HTTPHeaderDict:
        return self._answer.headers


class PooledClient(Client):
    """`python_http_client.Client` over one host's urllib3 pool: kept connections, time-outs, no redirects or retries.

    Bodies of bytes go as they are, everything else as JSON. It never formats payloads or keys for a log.
    """

    pool: urllib3.HTTPConnectionPool
    base: str
    """What the host's address has before `/v3`: mostly nothing."""

    def _build_client(self, name: str | None = None) -> Self:
        client = type(self)(
            host=self.host,
            version=self._version,
            request_headers=dict(self.request_headers),
            url_path=[*self._url_path, name] if name else self._url_path,
        )
        client.pool, client.base = self.pool, self.base
        return client

    def __getattr__(self, name: str) -> Any:
        return self._verb(name) if name in self.methods else super().__getattr__(name)

    def _verb(self, name: str) -> Callable[..., Response]:
        def call(
            request_body: object = None,
            query_params: Mapping[str, object] | None = None,
            request_headers: Mapping[str, str] | None = None,
        ) -> Response:
            headers = {**self.request_headers, **(request_headers or {})}
            body = request_body if isinstance(request_body, bytes | None) else orjson.dumps(request_body)
            if body is not None:
                headers.setdefault("Content-Type", "application/json")
            target = self.base + self._build_url(query_params).removeprefix(self.host)
            answer = self.pool.urlopen(name.upper(), target, body, headers, retries=False, redirect=False)
            return _checked(answer)

        return call


def _checked(answer: urllib3.BaseHTTPResponse) -> Response:
    """The answer as the package gives it; its own error class where the status is 400 or more."""
    if answer.status < _BAD:
        as_response: Any = Response
        return as_response(_PoolAnswer(answer))
    error: Any = err_dict.get(answer.status, HTTPError)
    raise error(answer.status, answer.reason, answer.data, answer.headers)


class SendGrid:
    """The `sendgrid` package's client, every call through one pool of `connections`; close it after use."""

    def __init__(self, *, key: str, host: str, connections: int) -> None:
        self.api = SendGridAPIClient(api_key=key, host=host)
        self._pool = urllib3.connection_from_url(
            host,
            maxsize=connections,
            block=True,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        )
        client = PooledClient(host=host, request_headers=dict(self.api.client.request_headers), version=3)
        client.pool, client.base = self._pool, parse_url(host).path or ""
        self.api.client = client

    def close(self) -> None:
        """Let go of every connection."""
        self._pool.close()


class Mailer:
    """Posts finished Mail Send bodies. `headers` go with every post."""

    def __init__(self, sendgrid: SendGrid, headers: Mapping[str, str] | None = None) -> None:
        self.sendgrid = sendgrid
        mail_send: Any = sendgrid.api.client
        self._post = mail_send.mail.send.post
        self._headers = headers or {}

    @classmethod
    def by_clock(cls, sendgrid: SendGrid, clock: Clock) -> Self:
        """One that tells a sandbox what time its mail bears, where time is simulated."""
        return cls(sendgrid, {"X-Sandbox-Now": iso(clock.now())} if clock.simulated else None)

    def post(self, body: bytes) -> Answer:
        """SendGrid's answer, or how the post ended without one.

        Never raises for what the network does, nor for a header that can't be written: a tick that dies of every post
        would leave them all unknown.
        """
        try:
            answer = self._post(request_body=body, request_headers=self._headers)
        except HTTPError as error:
            return Answer(error.status_code, error.body or b"", wait=_asked_wait(error))
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            return Answer(fault=Fault.NOT_CONNECTED, words=f"no connection to SendGrid: {error}")
        except urllib3.exceptions.SSLError as error:
            never_left = any(sign in str(error).upper() for sign in _NEVER_LEFT)
            fault = Fault.NOT_CONNECTED if never_left else Fault.NO_ANSWER
            return Answer(fault=fault, words=f"TLS failed: {error}")
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Answer(fault=Fault.NO_ANSWER, words=f"no answer: {error}")
        return Answer(answer.status_code, answer.body or b"", answer.headers.get("X-Message-Id"))
