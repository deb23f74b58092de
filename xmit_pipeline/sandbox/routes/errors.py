"""Refusals and wrong requests as HTTP answers: in SendGrid's form under /v3, in xmit's form elsewhere."""

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from xmit_pipeline.sandbox.validation.refusals import Refusal, Refused


def answer_error(request: Request, error: Exception) -> Response:
    """The answer to a call that can't be served; re-raises what is a fault of the sandbox itself."""
    refused = _refused(error)
    if request.url.path.startswith("/v3/"):
        return JSONResponse(refused.body(), refused.status)
    details = [{"field": refusal.field, "message": refusal.message} for refusal in refused.refusals]
    return JSONResponse({"error": str(refused), "message": str(refused), "details": details}, refused.status)


def _refused(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case RequestValidationError():
            return _wrong_request(error)
        case HTTPException():
            return Refused(error.status_code, [Refusal(str(error.detail).lower())])
        case _:
            raise error


def _wrong_request(error: RequestValidationError) -> Refused:
    faults = error.errors()
    if any(fault["loc"][0] == "path" for fault in faults):
        return Refused(404, [Refusal("not found")])
    return Refused(400, [Refusal(fault["msg"], ".".join(map(str, fault["loc"][1:]))) for fault in faults])
