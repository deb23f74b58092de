"""SendGrid's calls beside Mail Send: few, through the same pooled client, each refusal a sentence."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import orjson
import urllib3
from python_http_client.exceptions import HTTPError

from xmit_pipeline.delivery.identity import connected
from xmit_pipeline.delivery.transport import SendGrid
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.outcomes import Answer, words_of
from xmit_pipeline.model.settings import Settings

_ADVICE = {
    401: "Check SENDGRID_API_KEY.",
    403: "Give the key this scope at SendGrid (Settings, API Keys).",
    429: "It asks for fewer calls; the next run goes on.",
}
_NOT_FOUND = 404


class SendGridRefused(XmitError):
    """SendGrid did not do what was asked; `status` is its answer's, None where none came."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ControlCalls:
    """Calls by their path below /v3; answers are parsed JSON, None where they are empty."""

    def __init__(self, sendgrid: SendGrid) -> None:
        self.sendgrid = sendgrid

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        return self._call("get", path, query=query)

    def post(self, path: str, body: object) -> Any:
        return self._call("post", path, body=body)

    def patch(self, path: str, body: object) -> Any:
        return self._call("patch", path, body=body)

    def delete(self, path: str) -> None:
        """Done as well where there was nothing to delete."""
        try:
            self._call("delete", path)
        except SendGridRefused as error:
            if error.status != _NOT_FOUND:
                raise

    def _call(
        self, verb: str, path: str, *, body: object = None, query: Mapping[str, object] | None = None
    ) -> Any:
        place: Any = self.sendgrid.api.client
        call = getattr(place._(path), verb)
        try:
            answer = call(request_body=body, query_params=query)
        except HTTPError as error:
            raise SendGridRefused(_refusal(verb, path, error), error.status_code) from error
        except urllib3.exceptions.HTTPError as error:
            raise SendGridRefused(
                f"SendGrid does not answer ({verb.upper()} /v3/{path}): {error}."
            ) from error
        return _parsed(verb, path, answer.body)


@contextmanager
def control_calls(settings: Settings) -> Generator[ControlCalls]:
    """Calls with the settings' key; the sandbox takes any. Conflict where there is no key."""
    with connected(settings) as sendgrid:
        yield ControlCalls(sendgrid)


def path_part(text: str) -> str:
    """A value as one part of a path."""
    return quote(text, safe="")


def _refusal(verb: str, path: str, error: HTTPError) -> str:
    words = words_of(Answer(error.status_code, error.body or b"")).rstrip(".")
    told = f"SendGrid answered {error.status_code} to {verb.upper()} /v3/{path}: {words}."
    return f"{told} {_ADVICE.get(error.status_code, '')}".strip()


def _parsed(verb: str, path: str, body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SendGridRefused(
            f"What answers {verb.upper()} /v3/{path} is not SendGrid: no JSON. Check SENDGRID_HOST."
        ) from error
