"""The other end of the webhook for tests: takes posts, verifies them with the vendor's own helper, keeps them."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.eventwebhook.eventwebhook_header import EventWebhookHeader


@dataclass(frozen=True, slots=True)
class Taken:
    """One post as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int

    def verified(self, public_key: str) -> bool:
        """What the `sendgrid` package says of its signature."""
        return EventWebhook(public_key).verify_signature(
            self.body.decode(),
            self.headers[EventWebhookHeader.SIGNATURE],
            self.headers[EventWebhookHeader.TIMESTAMP],
        )


@dataclass(slots=True)
class WebhookEnd:
    """Answers `answers` in turn, then 200; a status below 100 ends the connection without one."""

    url: str
    answers: list[int] = field(default_factory=list[int])
    posts: list[Taken] = field(default_factory=list[Taken])
    lock: threading.Lock = field(default_factory=threading.Lock)
    together: threading.Barrier | None = None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        if self.together is not None:
            self.together.wait(20)
        with self.lock:
            status = self.answers.pop(0) if self.answers else 200
            self.posts.append(Taken(path, headers, body, status))
            return status

    def events(self) -> list[dict[str, Any]]:
        """The events of every post that was answered 2xx, in order of arrival."""
        good = [post for post in self.posts if 200 <= post.answered < 300 and post.path == "/events"]
        return [event for post in good for event in orjson.loads(post.body)]


@contextmanager
def webhook_end() -> Generator[WebhookEnd]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = end.take(self.path, dict(self.headers), body)
            if status < 100:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the names of the base)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        end = WebhookEnd(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield end
        finally:
            server.shutdown()
            thread.join()


def as_set(events: Sequence[dict[str, Any]]) -> set[bytes]:
    """Events without order and repetition."""
    return {orjson.dumps(event, option=orjson.OPT_SORT_KEYS) for event in events}
