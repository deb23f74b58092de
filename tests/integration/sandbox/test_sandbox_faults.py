"""Faults on order, seen by a real client over a real connection."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from xmit_pipeline.sandbox.server import RunningSandbox

Send = Callable[..., BaseHTTPResponse]
Order = Callable[..., None]


@pytest.fixture
def order(sandbox: RunningSandbox, http: urllib3.PoolManager) -> Order:
    def post(*faults: dict[str, Any]) -> None:
        answer = http.request("POST", f"{sandbox.url}/_sandbox/faults", json={"faults": faults})
        assert answer.status == 200, answer.data

    return post


def accepted(sandbox: RunningSandbox) -> int:
    return sandbox.mailbox.stats()["messages"]


def test_a_status_comes_as_often_as_ordered(
    order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """SPEC 6.5: 503 with Retry-After, three times, then business as usual."""
    order({"kind": "status", "status": 503, "count": 3, "headers": {"Retry-After": 1}})

    answers = [send(body) for _ in range(4)]

    assert [answer.status for answer in answers] == [503, 503, 503, 202]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[0].json()["errors"][0]["message"] == "Service Unavailable"
    assert accepted(sandbox) == 2


def test_a_bad_answer_may_hide_an_acceptance(
    order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """SPEC 6.6: a 500 does not prove that nothing was sent."""
    order({"kind": "status", "status": 500, "accept": True})

    assert send(body).status == 500
    assert accepted(sandbox) == 2
    assert sandbox.mailbox.stats()["refused"] == 0


@pytest.mark.parametrize(
    ("fault", "kind", "start"),
    [
        ({"status": 413}, "text/html", b"<html>"),
        ({"status": 502}, "text/html", b"<html>"),
        ({"status": 200, "body": "<html>log in</html>"}, "text/html", b"<html>log in"),
        (
            {"status": 401, "body": {"errors": [{"message": "Maximum credits exceeded"}]}},
            "application/json",
            b'{"e',
        ),
        ({"status": 429}, "application/json", b'{"errors":[{"message":"Too Many Requests"'),
        ({"status": 599}, "application/json", b'{"errors":[{"message":"Error"'),
    ],
)
def test_a_status_has_a_fitting_body(
    *, fault: dict[str, Any], kind: str, start: bytes, order: Order, body: dict[str, Any], send: Send
) -> None:
    """SendGrid, Mail Send: gateways answer with pages, the API with JSON; a given body goes as it is."""
    order({"kind": "status", **fault})

    answer = send(body)

    assert answer.status == fault["status"]
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.data.startswith(start)


def test_a_redirect_is_not_success(order: Order, body: dict[str, Any], send: Send) -> None:
    """SPEC 6.11."""
    order({"kind": "status", "status": 302, "headers": {"Location": "https://elsewhere.example/"}})

    answer = send(body)

    assert (answer.status, answer.headers["Location"]) == (302, "https://elsewhere.example/")


@pytest.mark.parametrize(("when", "kept"), [("before", 0), ("after", 2)])
def test_a_reset_tears_the_connection_down(
    *, when: str, kept: int, order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """SPEC 6.6: the client sees a reset, and can't know whether the mail was taken."""
    order({"kind": "reset", "when": when})

    with pytest.raises(ProtocolError) as caught:
        send(body)

    assert type(caught.value.args[1]) is ConnectionResetError
    assert accepted(sandbox) == kept
    assert send(body).status == 202


def test_a_delay_holds_the_answer_back(
    order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    order({"kind": "delay", "seconds": 0.3})

    began = time.monotonic()
    answer = send(body)

    assert answer.status == 202
    assert time.monotonic() - began >= 0.3
    assert accepted(sandbox) == 2


def test_a_delayed_mail_outlives_its_client(
    order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """SPEC 6.6: a read time-out, while the mail is accepted all the same."""
    order({"kind": "delay", "seconds": 0.4})

    with pytest.raises(ReadTimeoutError):
        send(body, timeout=0.1)

    time.sleep(0.6)
    assert accepted(sandbox) == 2


@pytest.mark.parametrize(("accept", "kept"), [(False, 0), (True, 2)])
def test_a_hang_ends_without_an_answer(
    *, accept: bool, kept: int, order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    order({"kind": "hang", "seconds": 0.2, "accept": accept})

    with pytest.raises(ProtocolError):
        send(body)

    assert accepted(sandbox) == kept


def test_a_hang_outlasts_an_impatient_client(order: Order, body: dict[str, Any], send: Send) -> None:
    order({"kind": "hang", "seconds": 30})

    with pytest.raises(ReadTimeoutError):
        send(body, timeout=0.1)

    assert send(body).status == 202


def test_a_refused_address_is_named_each_time(
    order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """SPEC 6.5: a 400 that names the recipient, until faults are cleared; nobody else gets mail either."""
    order(
        {"kind": "refuse_address", "address": "GRACE@example.com", "message": "This mailbox is not wanted."}
    )

    for _ in range(2):
        (error,) = send(body).json()["errors"]
        assert error["field"] == "personalizations.1.to.0.email"
        assert error["message"] == "This mailbox is not wanted."
    del body["personalizations"][1]
    assert send(body).status == 202
    assert accepted(sandbox) == 1


def test_one_sender_can_be_declared_unverified(order: Order, body: dict[str, Any], send: Send) -> None:
    """SPEC 6.5: a 403 that names the sender holds that sender only."""
    order({"kind": "unverified_sender", "sender": "Hello@example.com"})

    refused = send(body)
    body["from"]["email"] = "other@example.com"

    assert (refused.status, refused.json()["errors"][0]["field"]) == (403, "from")
    assert send(body).status == 202


def test_faults_queue_show_and_clear(
    order: Order, body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    url = f"{sandbox.url}/_sandbox/faults"
    order(
        {"kind": "status", "status": 429, "count": 2},
        {"kind": "reset"},
        {"kind": "refuse_address", "address": "x@y"},
    )

    assert send(body).status == 429
    left = http.request("GET", url).json()["faults"]
    assert [(fault["kind"], fault.get("count")) for fault in left] == [
        ("status", 1),
        ("reset", 1),
        ("refuse_address", None),
    ]

    assert http.request("DELETE", url).status == 200
    assert http.request("GET", url).json() == {"faults": []}
    assert send(body).status == 202


def test_a_shown_order_can_be_given_again(
    order: Order, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    """What GET shows, POST takes."""
    order({"kind": "delay", "seconds": 1}, {"kind": "unverified_sender", "sender": "a@b.example"})
    shown = http.request("GET", f"{sandbox.url}/_sandbox/faults").json()

    order(*shown["faults"])

    assert http.request("GET", f"{sandbox.url}/_sandbox/faults").json() == shown


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "storm"},
        {"kind": "status"},
        {"kind": "status", "status": 99},
        {"kind": "status", "status": 503, "count": 0},
        {"kind": "reset", "when": "during"},
        {"kind": "delay", "seconds": -1},
        {"kind": "delay", "seconds": 1, "secs": 2},
    ],
)
def test_a_senseless_fault_is_refused(
    fault: dict[str, Any], sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    """And what was in force stays in force."""
    url = f"{sandbox.url}/_sandbox/faults"
    http.request("POST", url, json={"faults": [{"kind": "reset"}]})

    answer = http.request("POST", url, json={"faults": [fault]})

    assert answer.status == 400
    assert answer.json()["error"] == answer.json()["message"]
    assert [left["kind"] for left in http.request("GET", url).json()["faults"]] == ["reset"]
