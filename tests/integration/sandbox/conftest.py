"""A running sandbox, a client for it, and a request that SendGrid would take."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import urllib3

from tests.integration.sandbox.events_town import KEY, Town
from tests.integration.sandbox.webhook_end import webhook_end
from xmit_pipeline.sandbox.server import RunningSandbox, running_sandbox


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(maxsize=16, retries=False, headers=KEY) as pool:
        yield pool


@pytest.fixture
def send(sandbox: RunningSandbox, http: urllib3.PoolManager) -> Callable[..., urllib3.BaseHTTPResponse]:
    """Post a body (as JSON, or bytes as they are) to Mail Send; further headers by keyword."""

    def post(body: object, timeout: float = 30, **headers: str) -> urllib3.BaseHTTPResponse:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        given = {"Content-Type": "application/json", **KEY}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return http.request("POST", f"{sandbox.url}/v3/mail/send", body=raw, headers=given, timeout=timeout)

    return post


@pytest.fixture
def body() -> dict[str, Any]:
    """A small request of two personalizations that uses most fields."""
    return {
        "personalizations": [
            {
                "to": [{"email": "ada@example.com", "name": "Ada"}],
                "substitutions": {"-x1-": "Ada", "-x2-": "<b>Ada</b>", "-x3-": None},
                "headers": {"List-Unsubscribe": "<https://example.com/u/1>"},
                "custom_args": {"xmit_message": "msg_1", "xmit_request": "req_1"},
            },
            {
                "to": [{"email": "Grace@example.com"}],
                "subject": "Grace, hello",
                "substitutions": {"-x1-": "Grace", "-x2-": "<b>Grace</b>"},
                "custom_args": {"xmit_message": "msg_2", "xmit_request": "req_1"},
            },
        ],
        "from": {"email": "hello@example.com", "name": "Nora; from Northwind, Inc."},
        "reply_to": {"email": "answers@example.com"},
        "subject": "Hello -x1-",
        "content": [
            {"type": "text/plain", "value": "Dear -x1-"},
            {"type": "text/html", "value": "<p>Dear -x2-</p>-x3-"},
        ],
        "attachments": [{"content": "aGVsbG8=", "filename": "hello.txt", "type": "text/plain"}],
        "headers": {"X-Campaign": "welcome"},
        "categories": ["onboarding"],
        "custom_args": {"tenant": "northwind"},
        "asm": {"group_id": 7, "groups_to_display": [7, 8]},
        "ip_pool_name": "warm",
        "batch_id": "any",
        "mail_settings": {
            "footer": {"enable": False, "text": "", "html": ""},
            "sandbox_mode": {"enable": False},
        },
        "tracking_settings": {
            "click_tracking": {"enable": True, "enable_text": False},
            "open_tracking": {"enable": True, "substitution_tag": "%open%"},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False, "utm_source": "xmit"},
        },
    }


@pytest.fixture
def town(http: urllib3.PoolManager) -> Iterator[Town]:
    """A sandbox of the test's own, so that no other test ever meets its people."""
    with running_sandbox() as own, webhook_end() as end:
        yield Town(own, end, http)
