"""One request of somebody who is signed in: who they are, what they posted, and the ways in which a page answers."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import Depends
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from xmit_pipeline.api.desk import Call, Desk
from xmit_pipeline.dashboard.audited_form import kept_of_form
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.said import COOKIE as SAID
from xmit_pipeline.dashboard.said import Tone, said_before, say
from xmit_pipeline.dashboard.session import FORM_FIELD, Session
from xmit_pipeline.dashboard.templating import environment
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.keys import KeyScope, LiveKey

VISIT = "xmit.visit"
"""Where a request's scope holds its visit; the door puts it there."""
THEME = "xmit_theme"
THEMES = ("auto", "light", "dark")


ASKS = "x-xmit-asks"
"""The header of the script's call that wants to know what would be asked first: it is asked, and nothing is done."""


class NothingToAskError(Exception):
    """Such a call came to where a deed would be done without being asked first."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is asked before it is done: a heading, what will happen, and the words on the real button."""

    heading: str
    what: tuple[str, ...]
    button: str
    back: str
    tone: str = "danger"


@dataclass(frozen=True, slots=True)
class Visit:
    """`desk` reads; changes go through `asking`, which names the key in the audit."""

    request: Request
    session: Session
    key: LiveKey
    form: Form
    desk: Desk
    settings: Settings

    @property
    def may_change(self) -> bool:
        """Whether the key is of full scope."""
        return self.key.scope is KeyScope.FULL

    @property
    def now(self) -> datetime:
        """For what a page prints; changes take their time from their transaction."""
        return self.desk.clock.now()

    @property
    def only_asks(self) -> bool:
        """Whether this call is to do nothing: the script wants the page that asks first."""
        return ASKS in self.request.headers

    @property
    def sure(self) -> bool:
        """Whether this was posted by the real button of a page that asked."""
        return self.form.text("sure") == "yes" and not self.only_asks

    def asking(self, what: str, **about: Any) -> Desk:
        """The desk for one change: `what` is the API's name for the call; the address's ids are kept by themselves.

        No change begins but by this, so that a call which only asks ends here.
        """
        if self.only_asks:
            raise NothingToAskError(what)
        places = {to_camel(name): value for name, value in self.request.path_params.items()}
        details = {**places, **kept_of_form(self.form), **about}
        return replace(self.desk, call=Call(self.key.name, what, details))

    def show(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page; `values` are the template's names."""
        return shown(self.request, self.settings, template, status=status, visit=self, values=values)

    def go(self, path: str, text: str | None = None, tone: Tone = "good") -> Response:
        """On to another page after a post, which says this."""
        response = RedirectResponse(path, 303)
        if text:
            say(response, text, tone, self.settings)
        return response

    def ask(self, deed: Deed) -> HTMLResponse:
        """The page that asks first; its button posts the same form to the same address, with `sure`."""
        kept = [
            (name, value)
            for name, values in self.form.fields.items()
            if name not in (FORM_FIELD, "sure")
            for value in values
        ]
        return self.show("ask.html", deed=deed, kept=kept)


def shown(
    request: Request,
    settings: Settings,
    template: str,
    *,
    status: int = 200,
    visit: Visit | None = None,
    values: dict[str, Any] | None = None,
) -> HTMLResponse:
    """A page for anybody; without a visit it has no navigation."""
    said, theme = said_before(request, settings), request.cookies.get(THEME)
    known = {
        "path": request.url.path,
        "here": here(request),
        "said": said,
        "theme": theme if theme in THEMES else "auto",
        "visitor": visit.key.name if visit else None,
        "may_change": visit.may_change if visit else False,
        "csrf": visit.session.token(settings) if visit else "",
        "now": visit.now if visit else None,
    }
    html = environment().get_template(template).render({**known, **(values or {})})
    response = HTMLResponse(html, status)
    if said:
        response.delete_cookie(SAID, path="/", httponly=True, samesite="lax")
    return response


def here(request: Request) -> str:
    """This page's own address, with its query."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def own_path(text: str) -> str:
    """An address on this site, for going back; the first page in place of any other."""
    parts = urlsplit(text)
    foreign = parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//")
    return "/" if foreign or any(letter in text for letter in "\\\r\n\t") else text


def _visit_of(request: Request) -> Visit:
    return replace(cast(Visit, request.scope[VISIT]), request=request)


AtVisit = Annotated[Visit, Depends(_visit_of)]
"""A page's visit."""
