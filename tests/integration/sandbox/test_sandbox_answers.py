"""Answers of Mail Send that are not about one field: encodings, sizes, methods, preflight, time."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import urllib3
from urllib3 import BaseHTTPResponse

from xmit_pipeline.sandbox.server import RunningSandbox

Send = Callable[..., BaseHTTPResponse]


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b'{"personalizations":', {}, 400),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"subject":"\xff"}', {}, 415),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"Content_Encoding": "gzip"}, 415),
        (b"{}", {"Authorization": "Bearer"}, 401),
        (b"{}", {"Authorization": "Bearer SG."}, 401),
        (b"{}", {"Authorization": "Basic SG.key"}, 401),
        (b"{}", {"X_Sandbox_Now": "yesterday"}, 400),
    ],
)
def test_an_unreadable_request_is_refused(
    raw: bytes, headers: dict[str, str], status: int, send: Send, sandbox: RunningSandbox
) -> None:
    """SendGrid, Mail Send: the status says which part could not be read; the body has SendGrid's form."""
    answer = send(raw, **headers)

    assert answer.status == status
    assert all(error.keys() == {"message", "field", "help"} for error in answer.json()["errors"])
    assert sandbox.mailbox.stats()["refused"] == 1


def test_malformed_json_gives_no_reason(send: Send) -> None:
    """The unhelpful answer that SendGrid gives."""
    assert send(b"{").json() == {"errors": [{"message": "Bad Request", "field": None, "help": None}]}


def test_a_charset_beside_json_is_fine(body: dict[str, Any], send: Send) -> None:
    assert send(body, Content_Type="application/json; charset=utf-8").status == 202


def test_too_large_a_body_gets_a_page(body: dict[str, Any], send: Send, sandbox: RunningSandbox) -> None:
    """SendGrid, Mail Send: over 30 MB the front server answers 413 in HTML, not JSON."""
    body["attachments"][0]["content"] = "A" * 30_000_000

    answer = send(body)

    assert answer.status == 413
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"413" in answer.data
    stats = sandbox.mailbox.stats()
    assert (stats["requests"], stats["refused"], stats["messages"]) == (1, 1, 0)


def test_a_preflight_keeps_nothing(body: dict[str, Any], send: Send, sandbox: RunningSandbox) -> None:
    """SendGrid, Mail Send: sandbox_mode answers 200 in place of 202, and validates all the same."""
    body["mail_settings"]["sandbox_mode"]["enable"] = True

    good = send(body)
    del body["content"]
    bad = send(body)

    assert (good.status, bad.status) == (200, 400)
    assert "X-Message-Id" not in good.headers
    stats = sandbox.mailbox.stats()
    assert (stats["requests"], stats["refused"], stats["messages"]) == (2, 1, 0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v3/mail/send", 405),
        ("POST", "/v3/mail/sent", 404),
        ("GET", "/v3/suppression/other", 404),
        ("DELETE", "/v3/suppression/unsubscribes/ada@example.com", 404),
        ("GET", "/v3/asm/groups/first/suppressions", 404),
        ("POST", "/v3/asm/suppressions/global", 400),
    ],
)
def test_a_wrong_call_is_answered_in_form(
    method: str, path: str, status: int, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    answer = http.request(method, sandbox.url + path)

    assert answer.status == status
    assert answer.json()["errors"][0].keys() == {"message", "field", "help"}


@pytest.mark.parametrize("path", ["/v3/scopes", "/v3/suppression/bounces", "/v3/asm/groups/1/suppressions"])
def test_every_call_needs_a_key(path: str, sandbox: RunningSandbox, http: urllib3.PoolManager) -> None:
    assert http.request("GET", sandbox.url + path, headers={"Authorization": "Bearer other"}).status == 401


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00.000Z"),
        ("2026-03-01T11:00:00.5+02:00", "2026-03-01T09:00:00.500Z"),
        ("2026-03-01T09:00:00", "2026-03-01T09:00:00.000Z"),
        ("1772355600", "2026-03-01T09:00:00.000Z"),
    ],
)
def test_simulated_mail_bears_simulated_time(
    given: str, kept: str, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """Simulated runs say when they post with X-Sandbox-Now."""
    send(body, X_Sandbox_Now=given)

    (mail, _) = sandbox.mailbox.page().mails
    assert mail.as_json()["acceptedAt"] == kept
    assert sandbox.mailbox.stats()["byDay"] == {"2026-03-01": 2}


def test_send_at_is_judged_by_simulated_time(body: dict[str, Any], send: Send) -> None:
    body["send_at"] = 1772355600 + 71 * 3600

    assert send(body, X_Sandbox_Now="2026-03-01T09:00:00Z").status == 202
    assert send(body, X_Sandbox_Now="2026-02-28T09:00:00Z").status == 400


def test_line_breaks_between_json_tokens_survive(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """A record is one line, however the request was laid out; text inside strings is untouched."""
    body["content"][0]["value"] = "one\r\ntwo\n"

    send(orjson.dumps(body, option=orjson.OPT_INDENT_2).replace(b"\n", b"\r\n"))

    assert sandbox.mailbox.page().mails[0].text == "one\r\ntwo\n"
