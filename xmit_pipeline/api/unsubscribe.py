"""`/u/{token}`: the page behind the link in every mail, and the one-click POST of RFC 8058 (SPEC 7, Unsubscribe).

GET and HEAD change nothing, since scanners follow links; they don't even look at the token. What a wish does in the
store is `store.wishes`; here it is kept on disk, and waits a little for the store.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Annotated, Literal, cast

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xmit_pipeline.api.desk import Desk
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.model.tokens import verify
from xmit_pipeline.store.senders import senders
from xmit_pipeline.store.wish_files import keep_wish
from xmit_pipeline.store.wishes import fold_wishes

router = APIRouter(include_in_schema=False)

STORE_SECONDS = 1.5
"""How long an answer waits for the store; what it could not do by then, the next tick does."""
KEPT_SECONDS = 30.0
"""How old the senders' names on the page may be."""
NAMED = 3
"""How many senders a page names."""

_FOLDER = Path(__file__).parent / "templates"
_log = logging.getLogger(__name__)

PageName = Literal["ask", "done", "failed", "torn"]


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks on the page: the senders' names, and the default one's address."""

    names: str = "this sender"
    address: str | None = None


class Shared:
    """Blocking work in a thread of its own, once for all who ask for it before it begins; only on one event loop."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def done(self, seconds: float) -> None:
        """Returns once work that begins after this call is done, or after so many seconds; the work goes on."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._turn(self._running))
        await asyncio.wait({self._next}, timeout=seconds)

    async def _turn(self, before: asyncio.Task[None] | None) -> None:
        if before and not before.done():
            await asyncio.wait({before})
        self._running, self._next = self._next, None
        try:
            await to_thread.run_sync(self._work, limiter=CapacityLimiter(1))
        except XmitError as error:
            _log.warning("The store could not be used for the unsubscribe page: %s", error)
        except Exception:
            _log.exception("Something failed behind the unsubscribe page; wishes are safe on disk")


@dataclass
class Unsubscribing:
    """What the routes need: where wishes are kept, and the store in its own time."""

    desk: Desk
    settings: Settings
    voice: Voice = Voice()
    _read_at: float = float("-inf")
    _disk: CapacityLimiter = field(init=False)
    _reading: Shared = field(init=False)
    _folding: Shared = field(init=False)

    def __post_init__(self) -> None:
        # threads of its own: those of other calls may all wait for the store
        self._disk = CapacityLimiter(8)
        self._reading = Shared(self._read_voice)
        self._folding = Shared(self._fold)

    async def spoken(self) -> Voice:
        """Who speaks, as last read; waits a little where that is old."""
        if monotonic() - self._read_at > KEPT_SECONDS:
            await self._reading.done(STORE_SECONDS)
        return self.voice

    async def wish(self, token: str) -> PageName:
        """Take a wish in: on disk at once, in the store as soon as it is free. A bad token goes the same way."""
        wish = verify(token, self.settings.secrets)
        try:
            await to_thread.run_sync(partial(keep_wish, self.settings.home, wish), limiter=self._disk)
        except OSError:
            _log.exception("An unsubscribe wish could not be kept on disk")
            return "failed"
        await self._folding.done(STORE_SECONDS)
        return "done" if wish else "torn"

    def _fold(self) -> None:
        fold_wishes(self.desk.store, self.settings.home, self.desk.clock)

    def _read_voice(self) -> None:
        with self.desk.reading() as (connection, _):
            rows = sorted(senders(connection), key=lambda row: not row["is_default"])
        names = list(dict.fromkeys(row["name"] or row["email"].partition("@")[2] for row in rows))[:NAMED]
        self.voice = Voice(" and ".join(names), rows[0]["email"]) if rows else Voice()
        self._read_at = monotonic()


@cache
def _style() -> str:
    return (_FOLDER / "unsubscribe.css").read_text()


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def _headers() -> dict[str, str]:
    digest = b64encode(sha256(_style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }


def _page(page: PageName, voice: Voice) -> HTMLResponse:
    text = _templates().get_template("unsubscribe.html").render(page=page, voice=voice, style=_style())
    return HTMLResponse(text, 503 if page == "failed" else 200, _headers())


def _unsubscribing_of(request: Request) -> Unsubscribing:
    return cast(Unsubscribing, request.app.state.unsubscribing)


Here = Annotated[Unsubscribing, Depends(_unsubscribing_of)]


@router.api_route("/u/{token:path}", methods=["GET", "HEAD"])
async def ask(token: str, here: Here) -> HTMLResponse:  # noqa: ARG001  (the same page for every token)
    """The page with its one button."""
    return _page("ask", await here.spoken())


@router.post("/u/{token:path}")
async def unsubscribe(token: str, here: Here) -> HTMLResponse:
    """The wish itself, by the button or by a mail program; the token is enough, whatever the body holds."""
    page, voice = await asyncio.gather(here.wish(token), here.spoken())
    return _page(page, voice)
