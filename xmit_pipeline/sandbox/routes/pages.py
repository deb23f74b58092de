"""The page at `/` to read the mail: server-rendered, without script, fonts or pictures from anywhere."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xmit_pipeline.sandbox.account import TheAccount
from xmit_pipeline.sandbox.mail import Mail
from xmit_pipeline.sandbox.mailbox import Mailbox, Page
from xmit_pipeline.sandbox.reading import links, snippet

router = APIRouter()

PAGE_LENGTH = 25
_FOLDER = Path(__file__).parent.parent / "templates"
# the mail's own document inherits this policy: it may be styled, but load and run nothing
_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Offset = Annotated[int, Query(ge=0)]
Tab = Literal["html", "text", "details"]


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["snippet"] = snippet
    return environment


@router.get("/")
def show_inbox(account: TheAccount, q: str = "", offset: Offset = 0) -> Response:
    """The newest mails; `q` finds them by a piece of the address."""
    return _page("inbox.html", account.mailbox, q, offset)


@router.get("/messages/{number}")
def show_mail(
    account: TheAccount, number: int, tab: Tab | None = None, q: str = "", offset: Offset = 0
) -> Response:
    """One mail beside the list it was opened from."""
    mail = account.mailbox.mail(number)
    if mail is None:
        return _page("gone.html", account.mailbox, q, offset, status=404)
    tab = tab or ("text" if mail.html is None else "html")
    return _page("mail.html", account.mailbox, q, offset, mail=mail, tab=tab, links=links(mail))


@router.post("/clear")
def clear_inbox(account: TheAccount) -> Response:
    """The button that empties the inbox."""
    account.mailbox.clear()
    return RedirectResponse("/", 303)


@router.get("/style.css")
def stylesheet() -> Response:
    """The one stylesheet."""
    return FileResponse(_FOLDER / "style.css", media_type="text/css")


@router.get("/icon.svg")
def icon() -> Response:
    """The icon of the browser's tab."""
    return FileResponse(_FOLDER / "icon.svg", media_type="image/svg+xml")


def _page(
    template: str,
    mailbox: Mailbox,
    q: str,
    offset: int,
    *,
    mail: Mail | None = None,
    status: int = 200,
    **values: Any,
) -> Response:
    found = _found(mailbox, q.strip(), offset)
    if offset and not found.mails:
        found, offset = _found(mailbox, q.strip(), 0), 0
    values |= {"page": found, "mail": mail, "q": q.strip(), "offset": offset}
    html = _templates().get_template(template).render(values, length=PAGE_LENGTH, stats=mailbox.stats())
    return HTMLResponse(html, status, _HEADERS)


def _found(mailbox: Mailbox, q: str, offset: int) -> Page:
    if q:
        return mailbox.search(q, limit=PAGE_LENGTH, offset=offset)
    return mailbox.page(limit=PAGE_LENGTH, offset=offset)
