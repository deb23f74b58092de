"""Each rule of Mail Send: what SendGrid refuses, the sandbox refuses, whole and naming the place."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from urllib3 import BaseHTTPResponse

from xmit_pipeline.sandbox.server import RunningSandbox

Body = dict[str, Any]
Send = Callable[..., BaseHTTPResponse]

FIRST = "personalizations.0"


def put(path: str, value: object) -> Callable[[Body], None]:
    """A change: set the value at a dotted path."""

    def change(body: Body) -> None:
        *way, last = path.split(".")
        place: Any = body
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        place[int(last) if isinstance(place, list) else last] = value

    return change


def drop(path: str) -> Callable[[Body], None]:
    """A change: remove the key at a dotted path."""

    def change(body: Body) -> None:
        *way, last = path.split(".")
        place: Any = body
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        del place[last]

    return change


def people(count: int) -> list[Body]:
    return [{"to": [{"email": f"p{number}@example.com"}]} for number in range(count)]


def _no_subject_for_one(body: Body) -> None:
    del body["subject"]
    del body["personalizations"][1]["subject"]


def _two_bypasses(body: Body) -> None:
    body["mail_settings"] = {
        "bypass_list_management": {"enable": True},
        "bypass_spam_management": {"enable": True},
    }


def _both_reply_tos(body: Body) -> None:
    body["reply_to_list"] = [{"email": "a@example.com"}]


def _reply_to_list(value: object) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        del body["reply_to"]
        body["reply_to_list"] = value

    return change


def _merged_args_too_large(body: Body) -> None:
    body["custom_args"] = {"a": "x" * 6000}
    body["personalizations"][0]["custom_args"] = {"b": "x" * 6000}


TEN_KILOBYTES = "ü" * 5000
FAR = int(time.time()) + 73 * 3600

REFUSED: list[tuple[Callable[[Body], None], str | None]] = [
    (drop("personalizations"), "personalizations"),
    (put("personalizations", []), "personalizations"),
    (put("personalizations", {}), "personalizations"),
    (put("personalizations", people(1001)), "personalizations"),
    (put(f"{FIRST}.cc", [{"email": f"c{n}@example.com"} for n in range(999)]), "personalizations"),
    (put(FIRST, "ada@example.com"), FIRST),
    (drop(f"{FIRST}.to"), f"{FIRST}.to"),
    (put(f"{FIRST}.to", []), f"{FIRST}.to"),
    (put(f"{FIRST}.to", {"email": "ada@example.com"}), f"{FIRST}.to"),
    (put(f"{FIRST}.to.0", "ada@example.com"), f"{FIRST}.to.0"),
    (drop(f"{FIRST}.to.0.email"), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", 5), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", ""), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", "ada"), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", "ada@example"), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", "a da@example.com"), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", "ada@example.com\n"), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.email", f"ada@{'e' * 320}.com"), f"{FIRST}.to.0.email"),
    (put(f"{FIRST}.to.0.name", 5), f"{FIRST}.to.0.name"),
    (put(f"{FIRST}.to.0.name", "Lovelace, Ada"), f"{FIRST}.to.0.name"),
    (put(f"{FIRST}.to.0.name", "Ada; Countess"), f"{FIRST}.to.0.name"),
    (put(f"{FIRST}.to.0.phone", "1"), f"{FIRST}.to.0.phone"),
    (put(f"{FIRST}.cc", [{"email": "ADA@example.com"}]), FIRST),
    (put("personalizations.1.to.0.email", "Ada@Example.com"), "personalizations.1"),
    (put(f"{FIRST}.bcc", "grace@example.com"), f"{FIRST}.bcc"),
    (put(f"{FIRST}.from", {"email": "hello@elsewhere.example"}), f"{FIRST}.from.email"),
    (put(f"{FIRST}.subject", ""), f"{FIRST}.subject"),
    (put(f"{FIRST}.subject", 5), f"{FIRST}.subject"),
    (put(f"{FIRST}.headers", []), f"{FIRST}.headers"),
    (put(f"{FIRST}.headers", {"X-Número": "1"}), f"{FIRST}.headers.X-Número"),
    (put(f"{FIRST}.headers", {"X A": "1"}), f"{FIRST}.headers.X A"),
    (put(f"{FIRST}.headers", {"X-A": 1}), f"{FIRST}.headers.X-A"),
    (put(f"{FIRST}.headers", {"X-A": "1\r\nBcc: all@example.com"}), f"{FIRST}.headers.X-A"),
    (put(f"{FIRST}.headers", {"X-A": "1", "x-a": "2"}), f"{FIRST}.headers"),
    *[
        (put(f"{FIRST}.headers", {name: "1"}), f"{FIRST}.headers")
        for name in (
            "x-sg-id",
            "X-SG-EID",
            "Received",
            "DKIM-Signature",
            "Content-Type",
            "Content-Transfer-Encoding",
            "To",
            "From",
            "Subject",
            "Reply-To",
            "CC",
            "BCC",
        )
    ],
    (put(f"{FIRST}.substitutions", []), f"{FIRST}.substitutions"),
    (put(f"{FIRST}.substitutions", {"-a-": 5}), None),
    (put(f"{FIRST}.substitutions", {"-a-": TEN_KILOBYTES}), f"{FIRST}.substitutions"),
    (put(f"{FIRST}.custom_args", {}), f"{FIRST}.custom_args"),
    (put(f"{FIRST}.custom_args", {"a": 5}), f"{FIRST}.custom_args"),
    (put(f"{FIRST}.custom_args", "a"), f"{FIRST}.custom_args"),
    (_merged_args_too_large, f"{FIRST}.custom_args"),
    (put(f"{FIRST}.send_at", FAR), f"{FIRST}.send_at"),
    (put(f"{FIRST}.send_at", 1.5), f"{FIRST}.send_at"),
    (put(f"{FIRST}.send_at", True), f"{FIRST}.send_at"),
    (put(f"{FIRST}.dynamic_template_data", []), f"{FIRST}.dynamic_template_data"),
    (put(f"{FIRST}.sections", {}), f"{FIRST}.sections"),
    (drop("from"), "from"),
    (put("from", "hello@example.com"), "from"),
    (put("from.email", "hëllo@example.com"), "from.email"),
    (put("from.email", "hello@exämple.com"), "from.email"),
    (put("from.name", "Nora\r\nBcc: all@example.com"), "from.name"),
    (put("reply_to", {"name": "Nora"}), "reply_to.email"),
    (_both_reply_tos, "reply_to_list"),
    (_reply_to_list([{"email": "a@example.com"}, {"email": "A@example.com"}]), "reply_to_list"),
    (_reply_to_list([{"email": f"a{n}@example.com"} for n in range(1001)]), "reply_to_list"),
    (_reply_to_list({"email": "a@example.com"}), "reply_to_list"),
    (_no_subject_for_one, "subject"),
    (put("subject", ""), "subject"),
    (put("subject", None), "subject"),
    (drop("content"), "content"),
    (put("content", []), "content"),
    (put("content", "Hello"), "content"),
    (put("content.0", "Hello"), "content.0"),
    (drop("content.0.type"), "content.0.type"),
    (drop("content.0.value"), "content.0.value"),
    (put("content.0.value", ""), "content.0.value"),
    (put("content.0.value", 5), "content.0.value"),
    (put("content.0.type", "text/plain; charset=x"), "content.0.type"),
    (put("content.0.charset", "utf-8"), "content.0.charset"),
    (lambda body: body["content"].reverse(), "content"),
    (put("content.0.type", "text/calendar"), "content"),
    (put("attachments", {}), "attachments"),
    (put("attachments.0", "file"), "attachments.0"),
    (put("attachments.0.content", "not base64!"), "attachments.0.content"),
    (drop("attachments.0.filename"), "attachments.0.filename"),
    (put("attachments.0.filename", "a\r\nb"), "attachments.0.filename"),
    (put("attachments.0.type", ""), "attachments.0.type"),
    (put("attachments.0.disposition", "hidden"), "attachments.0.disposition"),
    (put("attachments.0.content_id", 5), "attachments.0.content_id"),
    (put("attachments.0.size", 5), "attachments.0.size"),
    (put("template_id", "d-0123456789abcdef0123456789abcdef"), "template_id"),
    (put("headers", {"Subject": "Other"}), "headers"),
    (put("headers", {"X-A": None}), "headers.X-A"),
    (put("custom_args", "a"), "custom_args"),
    (put("custom_args", {}), "custom_args"),
    (put("custom_args", {"a": TEN_KILOBYTES}), "custom_args"),
    (put("categories", "onboarding"), "categories"),
    (put("categories", [5]), "categories"),
    (put("categories", [str(n) for n in range(11)]), "categories"),
    (put("categories", ["a", "a"]), "categories"),
    (put("categories", ["a" * 256]), "categories.0"),
    (put("categories", ["naïve"]), "categories.0"),
    (put("send_at", FAR), "send_at"),
    (put("send_at", "tomorrow"), "send_at"),
    (put("batch_id", 5), "batch_id"),
    (put("asm", 7), "asm"),
    (drop("asm.group_id"), "asm.group_id"),
    (put("asm.group_id", "7"), "asm.group_id"),
    (put("asm.groups_to_display", ["7"]), "asm.groups_to_display"),
    (put("asm.groups_to_display", list(range(26))), "asm.groups_to_display"),
    (put("asm.name", "7"), "asm.name"),
    (put("ip_pool_name", "p"), "ip_pool_name"),
    (put("ip_pool_name", "p" * 65), "ip_pool_name"),
    (put("mail_settings", True), "mail_settings"),
    (put("mail_settings.sandbox_mode", True), "mail_settings.sandbox_mode"),
    (put("mail_settings.sandbox_mode.enable", "true"), "mail_settings.sandbox_mode.enable"),
    (put("mail_settings.footer.html", 5), "mail_settings.footer.html"),
    (put("mail_settings.spam_check", {"enable": True}), "mail_settings.spam_check"),
    (_two_bypasses, "mail_settings.bypass_spam_management"),
    (put("tracking_settings", []), "tracking_settings"),
    (put("tracking_settings.click_tracking.enable", 1), "tracking_settings.click_tracking.enable"),
    (
        put("tracking_settings.open_tracking.substitution_tag", 5),
        "tracking_settings.open_tracking.substitution_tag",
    ),
    (put("tracking_settings.ganalytics.utm_term", 5), "tracking_settings.ganalytics.utm_term"),
    (put("tracking_settings.heat_map", {}), "tracking_settings.heat_map"),
    (put("tracking_settings.click_tracking.colour", True), "tracking_settings.click_tracking.colour"),
    (put("sections", {"a": "b"}), "sections"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED)
def test_a_broken_rule_is_refused_by_name(
    change: Callable[[Body], None], field: str | None, body: Body, send: Send, sandbox: RunningSandbox
) -> None:
    """SendGrid, Mail Send: a 400 in SendGrid's form, and nothing of the request kept."""
    change(body)

    answer = send(body)

    assert answer.status == 400
    errors = answer.json()["errors"]
    assert field in [error["field"] for error in errors]
    assert all(error.keys() == {"message", "field", "help"} and error["message"] for error in errors)
    assert sandbox.mailbox.page().total == 0


ALLOWED: list[Callable[[Body], None]] = [
    lambda _: None,
    put("personalizations", people(1000)),
    put(f"{FIRST}.cc", [{"email": f"c{n}@example.com"} for n in range(998)]),
    put(f"{FIRST}.to.0.email", f"{'a' * 64}@{'e' * 63}.{'x' * 63}.com"),
    put(f"{FIRST}.substitutions", {"-a-": "ü" * 4998}),
    put(f"{FIRST}.substitutions", {}),
    put(f"{FIRST}.custom_args", {"a": "x" * 9983}),
    put(f"{FIRST}.headers", {}),
    put(f"{FIRST}.from", {"email": "other@EXAMPLE.com"}),
    put(f"{FIRST}.send_at", int(time.time()) + 71 * 3600),
    put(f"{FIRST}.send_at", 0),
    put(f"{FIRST}.subject", "s"),
    drop("reply_to"),
    lambda body: body["content"].pop(),
    put("content", [{"type": "text/html", "value": "<p>"}, {"type": "text/calendar", "value": "BEGIN"}]),
    put("categories", [str(n) * 255 for n in range(10)]),
    put("from.name", "A name; with, all of it"),
    _reply_to_list([{"email": "a@example.com"}, {"email": "b@example.com"}]),
]


@pytest.mark.parametrize("change", ALLOWED)
def test_what_keeps_the_rules_is_accepted(change: Callable[[Body], None], body: Body, send: Send) -> None:
    """SendGrid, Mail Send: 202, an empty body, a 22-character X-Message-Id."""
    change(body)

    answer = send(body)

    assert (answer.status, answer.data) == (202, b"")
    assert len(answer.headers["X-Message-Id"]) == 22


def test_every_fault_of_a_request_is_named(body: Body, send: Send) -> None:
    """A client can cut all bad recipients out at once."""
    body["personalizations"] = people(50)
    body["personalizations"][7]["to"][0]["email"] = "seven"
    body["personalizations"][31]["to"][0]["email"] = "thirty-one"

    answer = send(body)

    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == ["personalizations.7.to.0.email", "personalizations.31.to.0.email"]
