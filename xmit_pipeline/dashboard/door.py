"""Who may see a page, and whose forms are taken: looked at before any page is asked.

A live session for everything but the sign-in page; for a post also the session's own token; for a change a key of
full scope.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from xmit_pipeline.api.auth import READ_ONLY, SEEN_SECONDS, KeyRing
from xmit_pipeline.api.desk import CALLER, Desk
from xmit_pipeline.dashboard.error_pages import error_page
from xmit_pipeline.dashboard.form import Form, read_form
from xmit_pipeline.dashboard.said import say
from xmit_pipeline.dashboard.session import FORM_FIELD, Session, session_of
from xmit_pipeline.dashboard.visit import VISIT, Visit, here
from xmit_pipeline.model.errors import BadInput, StoreRefused
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.keys import LiveKey

SIGN_IN = "/sign-in"
FORM = "xmit.form"
STATIC = "/static/"
HARMLESS = ("/sign-out", "/theme")
"""What a key that may only look may post."""

_FOREIGN = "This form did not come from a page here; open the page again and send it from there."
_OTHER_SESSION = "This form belongs to another session; open the page again and send it from there."
_OVER = "Your session is over. Sign in, and send it again."


@dataclass(frozen=True, slots=True)
class Office:
    """What every page works with."""

    desk: Desk
    settings: Settings
    ring: KeyRing


class Door:
    """Lets signed-in visitors through; others are shown where to sign in."""

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app = app
        self._office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(STATIC):
            await self._app(scope, receive, send)
            return
        answer = await self._looked_at(Request(scope, receive))
        await (answer or self._app)(scope, receive, send)

    async def _looked_at(self, request: Request) -> Response | None:
        settings = self._office.settings
        try:
            session, key = await self._who(request)
            posts = request.method not in ("GET", "HEAD")
            form = await _posted(request) if posts else Form()
        except StoreRefused as error:
            return error_page(request, settings, 503, str(error))
        except BadInput as error:
            return error_page(request, settings, 400, str(error))
        if posts and _from_elsewhere(request, settings):
            return error_page(request, settings, 403, _FOREIGN)
        if session and key:
            request.scope[CALLER] = key
            request.scope[VISIT] = Visit(request, session, key, form, self._office.desk, settings)
        if request.url.path == SIGN_IN:
            request.scope[FORM] = form
            return None
        if not session or not key:
            return self._to_sign_in(request, posts=posts)
        return self._refused(request, session, form) if posts else None

    def _refused(self, request: Request, session: Session, form: Form) -> Response | None:
        settings = self._office.settings
        if not session.owns(form.text(FORM_FIELD), settings):
            return error_page(request, settings, 403, _OTHER_SESSION)
        if not request.scope[VISIT].may_change and request.url.path not in HARMLESS:
            return error_page(request, settings, 403, READ_ONLY)
        return None

    async def _who(self, request: Request) -> tuple[Session | None, LiveKey | None]:
        office = self._office
        session = session_of(request, office.settings, office.desk.clock.now())
        if session is None:
            return None, None
        if office.ring.stale:
            await run_in_threadpool(office.ring.read)
        key = office.ring.of_hash(session.key_hash)
        if key is None and office.ring.older_than(
            SEEN_SECONDS
        ):  # revoked, or so new that it was not there at the last reading
            await run_in_threadpool(office.ring.read, anew=True)
            key = office.ring.of_hash(session.key_hash)
        if key is not None and office.ring.wants_touch(key):
            await run_in_threadpool(office.ring.touch, key)
        return session, key

    def _to_sign_in(self, request: Request, *, posts: bool) -> Response:
        wanted = "/" if posts else here(request)
        response = RedirectResponse(SIGN_IN if wanted == "/" else f"{SIGN_IN}?next={quote(wanted)}", 303)
        if posts:
            say(response, _OVER, "bad", self._office.settings)
        return response


async def _posted(request: Request) -> Form:
    return read_form(request.headers.get("content-type", ""), await request.body())


def _from_elsewhere(request: Request, settings: Settings) -> bool:
    """Whether another site's page posted this: browsers say so; who says nothing is no browser."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched not in ("same-origin", "none")
    origin = request.headers.get("origin")
    ours = (request.headers.get("host", ""), urlsplit(settings.public_url).netloc)
    return origin is not None and urlsplit(origin).netloc not in ours
