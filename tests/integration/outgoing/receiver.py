"""A real HTTP server that takes outgoing webhooks in, and answers as a test says."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

Answer = Callable[["Post"], tuple[int, dict[str, str], bytes]]


@dataclass(frozen=True)
class Post:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return orjson.loads(self.body)


def well(_: Post) -> tuple[int, dict[str, str], bytes]:
    """What a good receiver answers."""
    return 204, {}, b""


@dataclass
class Receiver:
    """What came, in order; `answer` may be replaced at any time."""

    server: ThreadingHTTPServer
    posts: list[Post] = field(default_factory=list)
    answer: Answer = well
    at_once: int = 0
    most_at_once: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def told(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The bodies, of one type or all."""
        return [post.json for post in self.posts if kind is None or post.json["type"] == kind]

    def take(self, post: Post) -> tuple[int, dict[str, str], bytes]:
        with self.guard:
            self.posts.append(post)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.answer(post)
        finally:
            with self.guard:
                self.at_once -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def running_receiver(wrap: Callable[[Any], Any] | None = None) -> Generator[Receiver]:
    """A receiver on a free port of this machine; `wrap` may put TLS around its socket."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, said = receiver.take(Post(self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = _Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server)
    if wrap:
        server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
