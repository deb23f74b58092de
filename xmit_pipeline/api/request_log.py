"""A number for every request, one log line for each answer, and the figures of both for `/metrics` (SPEC 8).

What goes wrong beyond every handler ends here too: as a 500 that names the request, with the traceback in the log.
"""

import asyncio
import logging
import re
import time
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xmit_pipeline.api.desk import CALLER
from xmit_pipeline.api.errors import refusal
from xmit_pipeline.api.figures import Figures
from xmit_pipeline.store.keys import LiveKey

HEADER = "X-Request-Id"
SEND_SECONDS = 60.0
"""How long a client may take to read a piece of its answer."""

FAULT = 500
UNMATCHED = "unmatched"
_LINKS = "/u/"
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("xmit.api")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this task or thread works for; every log line below it carries it."""


class RequestLog:
    """Names each request `X-Request-Id`, the client's own name where it is a sane one, and logs its answer."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, _name_of(scope))
        token = request_id.set(answer.request_id)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            _log.exception("a call failed inside xmit", extra={"fields": {"method": scope["method"]}})
            if answer.status is None:
                await refusal(500, _inside(answer.request_id))(scope, receive, answer.send)
            else:
                raise
        finally:
            self._note(scope, answer, time.perf_counter() - began)
            request_id.reset(token)

    def _note(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route, caller = scope.get("route"), scope.get(CALLER)
        path = route.path if isinstance(route, APIRoute) else UNMATCHED
        status = answer.status or 0
        self._figures.count(scope["method"], path, status, seconds)
        fields: dict[str, Any] = {
            "method": scope["method"], "path": _loggable(scope["path"]), "route": path, "status": status,
            "milliseconds": round(seconds * 1000, 1), "bytes": answer.size,
            "key": caller.name if isinstance(caller, LiveKey) else None,
        }  # fmt: skip
        _log.log(logging.WARNING if status >= FAULT else logging.INFO, "request", extra={"fields": fields})


class _Answer:
    """The answer as it goes out: named, counted, and given up where nobody reads it."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = self.request_id
        self.size += len(message.get("body", b""))
        async with asyncio.timeout(SEND_SECONDS):
            await self._send(message)


def _loggable(path: str) -> str:
    """The path, but of the links in mails no token: who reads a log must not be able to speak for the person."""
    return f"{_LINKS}{{token}}" if path.startswith(_LINKS) else path


def _name_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _SANE_ID.fullmatch(given) else uuid4().hex


def _inside(name: str) -> str:
    return f"Something failed inside xmit; its log has the details, under request {name}."
