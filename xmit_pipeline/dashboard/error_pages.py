"""What can't be done, as a page in the house's look: a heading, a sentence that says what to do, and a way back."""

import logging
from http import HTTPStatus
from typing import cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xmit_pipeline.dashboard.visit import VISIT, Visit, shown
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound, XmitError
from xmit_pipeline.model.settings import Settings

HEADINGS = {
    400: "That can't be taken",
    403: "Not allowed",
    404: "There is nothing here",
    405: "This page takes no such call",
    408: "That took too long",
    409: "Not in its present state",
    413: "That is too large",
    503: "The store can't be used now",
}
_STATUSES: dict[type[XmitError], int] = {BadInput: 400, NotFound: 404, Conflict: 409}
_log = logging.getLogger("xmit.dashboard")


def error_page(request: Request, settings: Settings, status: int, sentence: str) -> Response:
    """The page itself."""
    heading = HEADINGS.get(status) or HTTPStatus(status).phrase
    visit = cast(Visit | None, request.scope.get(VISIT))
    values = {"heading": heading, "sentence": sentence, "status": status}
    return shown(request, settings, "error.html", status=status, visit=visit, values=values)


def answer_error(request: Request, error: Exception) -> Response:
    """The page for any error that a page ended with."""
    settings = cast(Settings, request.app.state.settings)
    match error:
        case XmitError():
            status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), 503)
            return error_page(request, settings, status, str(error))
        case RequestValidationError():
            return error_page(
                request, settings, 404, "This address is not one of a page; start from the menu."
            )
        case HTTPException(status_code=404):
            return error_page(request, settings, 404, "There is no such page; start from the menu.")
        case HTTPException():
            return error_page(request, settings, error.status_code, str(error.detail))
        case _:
            return error_page(
                request, settings, 500, "Something failed inside xmit; its log has the details."
            )


def answer_nothing_to_ask(_request: Request, _error: Exception) -> Response:
    """For the script: this deed is not asked about, so it sends the form as any other."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


class Mended:
    """Answers what goes wrong beyond every handler with a page, and keeps the traceback in the log."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            _log.exception("a page failed inside xmit")
            sentence = "Something failed inside xmit; its log has the details."
            answer = error_page(Request(scope, receive), self._settings, 500, sentence)
            await answer(scope, receive, send)
