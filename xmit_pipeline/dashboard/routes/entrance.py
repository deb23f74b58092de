"""Signing in and out, the look of the pages, and the front door's redirect."""

from datetime import timedelta
from typing import cast

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from xmit_pipeline.api.auth import SEEN_SECONDS, KeyRing
from xmit_pipeline.dashboard.door import FORM, SIGN_IN, Office
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.session import COOKIE, end_session, keep_cookie, keep_session, new_session
from xmit_pipeline.dashboard.visit import THEME, THEMES, VISIT, AtVisit, own_path, shown
from xmit_pipeline.store.keys import LiveKey

router = APIRouter()

THEME_LASTS = timedelta(days=400)
NO_SUCH_KEY = "This is no live key. `xmit keys create NAME` makes one, and prints it once."


@router.get("/")
def show_front() -> Response:
    """The first page is that of the sequences."""
    return RedirectResponse("/sequences", 303)


@router.get(SIGN_IN)
def ask_for_key(request: Request, next: str = "/") -> Response:  # noqa: A002  (the address's own word)
    """The form that asks for an API key; who is signed in goes on."""
    if VISIT in request.scope:
        return RedirectResponse(own_path(next), 303)
    return _asked(request, own_path(next))


@router.post(SIGN_IN)
def sign_in(request: Request) -> Response:
    """Begin a session with a live key; of a wrong and a revoked one the page says the same."""
    office, form = _office(request), cast(Form, request.scope[FORM])
    wanted = own_path(form.text("next"))
    key = _key(office.ring, form.text("key").strip())
    if key is None:
        return _asked(request, wanted, NO_SUCH_KEY)
    response = RedirectResponse(wanted, 303)
    keep_session(response, new_session(key.hash, office.desk.clock.now()), office.settings)
    return response


@router.post("/sign-out")
def sign_out(visit: AtVisit) -> Response:
    """End the session, in this browser and wherever its cookie was copied to."""
    end_session(visit.session, visit.settings, visit.now)
    response = visit.go(SIGN_IN, "You are signed out.", "note")
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return response


@router.post("/theme")
def choose_theme(visit: AtVisit) -> Response:
    """Light, dark, or as the system has it."""
    theme = visit.form.text("theme")
    response = visit.go(own_path(visit.form.text("back")))
    keep_cookie(response, THEME, theme if theme in THEMES else "auto", visit.settings, THEME_LASTS)
    return response


def _key(ring: KeyRing, given: str) -> LiveKey | None:
    """The live key with this text; wrong ones, however many come, have the store read twice a second at most."""
    if ring.stale:
        ring.read()
    key = ring.matching(given)
    if key is None and ring.older_than(SEEN_SECONDS):
        ring.read(anew=True)
        key = ring.matching(given)
    return key


def _asked(request: Request, wanted: str, fault: str | None = None) -> Response:
    values = {"next": wanted, "fault": fault}
    status = 400 if fault else 200
    return shown(request, _office(request).settings, "sign_in.html", status=status, values=values)


def _office(request: Request) -> Office:
    return cast(Office, request.app.state.office)
