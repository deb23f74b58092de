"""The one form of an answer to a call that can't be served (SPEC 8), and what leads to it."""

import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from xmit_pipeline.api.shapes import Shape
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound, XmitError

TOLD_FAULTS = 3
"""How many faults the sentence itself names; `details` has them all."""

_NO_OBJECT = ("model_type", "model_attributes_type", "dict_type")
_STATUSES = {NotFound: 404, Conflict: 409}


class Fault(Shape):
    """One thing that is wrong, beside the field it belongs to."""

    field: str = Field(description="Where: a field's name, with dots and numbers into lists.")
    message: str


class ErrorAnswer(Shape):
    """Every answer that is not a success."""

    error: str = Field(description="A sentence that says what to do.")
    message: str = Field(description="The same sentence.")
    details: list[Fault]


def refusal(
    status: int,
    sentence: str,
    faults: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer itself; what can't be written as UTF-8 is escaped."""
    body = {"error": sentence, "message": sentence, "details": [dict(fault) for fault in faults]}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text.encode("utf-8", "backslashreplace"), status, dict(headers or {}), media_type="application/json"
    )


def answer_error(request: Request, error: Exception) -> Response:
    """The answer to any error that a call ended with; one of our own making becomes its sentence."""
    match error:
        case RequestValidationError():
            return _wrong_shape(error)
        case HTTPException():
            return _wrong_address(request, error)
        case BadInput():
            return refusal(400, str(error), error.faults)
        case XmitError():
            status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 503)
            return refusal(status, str(error))
        case _:
            return refusal(500, "Something failed inside xmit; its log has the details.")


@contextmanager
def naming(field: str) -> Generator[None, None, None]:
    """Says which field a BadInput from below is about, where it does not say so itself."""
    try:
        yield
    except BadInput as error:
        if error.faults:
            raise
        raise BadInput(str(error), [{"field": field, "message": str(error)}]) from error


def faults_of(
    found: Sequence[Mapping[str, Any]], *, root: str, parts_before: int = 0
) -> list[dict[str, str]]:
    """pydantic's errors as fields and sentences; `parts_before` of a place name no field, `root` the whole."""
    return [
        {"field": ".".join(map(str, error["loc"][parts_before:])) or root, "message": _words(error)}
        for error in found
    ]


def _wrong_shape(error: RequestValidationError) -> Response:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        words = f"It is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
        faults = [{"field": "body", "message": words}]
    else:
        faults = faults_of(error.errors(), root="body", parts_before=1)
    told = [f"{fault['field']}: {fault['message']}" for fault in faults[:TOLD_FAULTS]]
    more = [f"And {len(faults) - TOLD_FAULTS} more."] if len(faults) > TOLD_FAULTS else []
    return refusal(400, " ".join(told + more), faults)


def _words(error: Mapping[str, Any]) -> str:
    if error["type"] in _NO_OBJECT:
        return "It must be a JSON object."
    words = error["msg"].removeprefix("Value error, ")
    return words if words.endswith(".") else f"{words}."


def _wrong_address(request: Request, error: HTTPException) -> Response:
    match error.status_code:
        case 400:
            return refusal(400, "The body can't be read as JSON: it is damaged, or nested too deeply.")
        case 404:
            return refusal(404, "There is nothing at this address; GET /openapi.json lists every call.")
        case 405:
            allowed = ", ".join(_methods_at(request))
            return refusal(405, f"This address takes {allowed} only.", headers={"Allow": allowed})
        case _:
            return refusal(error.status_code, str(error.detail), headers=error.headers)


def _methods_at(request: Request) -> list[str]:
    """All methods of an address; the router's own answer names those of one route alone.

    `/contacts/import` is an address of its own, though it could be read as the contact `import`.
    """
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    fitting = [template for template in paths if _fits(template, request.scope["path"])]
    if fitting:
        return sorted(method.upper() for method in paths[min(fitting, key=lambda fit: fit.count("{"))])
    asked = [(method, {**request.scope, "method": method}) for method in ("DELETE", "GET", "POST", "PUT")]
    routes: list[BaseRoute] = request.app.router.routes
    return [
        method for method, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


def _fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path) is not None
