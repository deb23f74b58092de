"""A sandbox of a test's own, whose mail has readers, and the other end of its webhook."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import urllib3

from tests.integration.sandbox.webhook_end import WebhookEnd
from xmit_pipeline.sandbox.server import RunningSandbox

KEY = {"Authorization": "Bearer SG.any-key"}
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALL_OVER = START + timedelta(hours=48)
LINKS = ("https://www.example.com/start", "https://www.example.com/prices", "https://www.example.com/help")
HTML = (
    "<p>Hello</p>"
    + "".join(f'<a href="{link}">go</a>' for link in LINKS)
    + '<a href="-out-" clicktracking="off">Unsubscribe</a><a href="mailto:a@example.com">write</a>'
)


@dataclass(slots=True)
class Town:
    """Verbs of a test: send to many, order, emit, look."""

    sandbox: RunningSandbox
    end: WebhookEnd
    http: urllib3.PoolManager

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(
            method, f"{self.sandbox.url}{path}", body=None if body is None else orjson.dumps(body),
            headers={"Content-Type": "application/json", **KEY}, timeout=60,
        )  # fmt: skip
        assert answer.status < 300, answer.data
        return answer.json() if answer.data else None

    def people(self, **rates: float) -> None:
        self.call("POST", "/_sandbox/people", {"seed": 7, **rates})

    def webhook(self, **options: Any) -> dict[str, Any]:
        return self.call("POST", "/_sandbox/webhook", {"url": f"{self.end.url}/events", **options})

    def send(
        self, count: int, *, subject: str = "Hello", at: datetime = START, prefix: str = "p", **more: Any
    ) -> str:
        """Mail to `prefix`0, 1, ... in one request; answers its X-Message-Id."""
        body = {
            "personalizations": [
                {
                    "to": [{"email": f"{prefix}{number}@example.net"}],
                    "substitutions": {"-out-": f"{self.end.url}/u/{prefix}{number}"},
                    "headers": {"List-Unsubscribe": f"<{self.end.url}/u/{prefix}{number}>"},
                    "custom_args": {"xmit_message": f"msg_{subject}_{prefix}{number}"},
                }
                for number in range(count)
            ],
            "from": {"email": "hello@example.com"},
            "subject": subject,
            "content": [{"type": "text/plain", "value": "Hello"}, {"type": "text/html", "value": HTML}],
            "headers": {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
            "custom_args": {"xmit_request": f"req_{subject}"},
            **more,
        }
        answer = self.http.request(
            "POST", f"{self.sandbox.url}/v3/mail/send", body=orjson.dumps(body),
            headers={"Content-Type": "application/json", "X-Sandbox-Now": at.isoformat(), **KEY},
        )  # fmt: skip
        assert answer.status == 202, answer.data
        return answer.headers["X-Message-Id"]

    def emit(self, until: datetime = ALL_OVER) -> dict[str, Any]:
        return self.call("POST", "/_sandbox/events", {"until": until.isoformat()})

    def past(self, **query: str) -> list[dict[str, Any]]:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.call("GET", f"/_sandbox/events?limit=10000&{asked}")["events"]

    def totals(self) -> dict[str, int]:
        return self.call("GET", "/_sandbox/events/totals")["totals"]
