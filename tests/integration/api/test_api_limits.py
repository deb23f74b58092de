"""How fast, how slowly and how much a client may call (SPEC 8, 9)."""

import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from uvicorn import Config, Server
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tests.integration.api.client import TestClient
from xmit_pipeline.api import bodies
from xmit_pipeline.api.app import create_app
from xmit_pipeline.api.limits import Bucket
from xmit_pipeline.api.slow_heads import impatient
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key

SHORT = 0.4
LONG = 10.0


@dataclass
class Office:
    """An app with two live keys."""

    app: FastAPI
    store: EmbeddedStore
    keys: list[dict[str, str]]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Three calls at once, then one a second."""
    environment = {"XMIT_HOME": str(tmp_path), "XMIT_RATE_PER_SECOND": "1", "XMIT_RATE_BURST": "3"}
    settings = read_settings(environment)
    store = EmbeddedStore(settings.database, patience_seconds=20)
    with store.transaction() as connection:
        keys = [create_key(connection, name, datetime.now(UTC)) for name in ("one", "two")]
    yield Office(create_app(store, settings), store, [{"Authorization": f"Bearer {key}"} for key in keys])
    store.close()


@contextmanager
def served(office: Office) -> Generator[int]:
    """The app behind a real socket, impatient with slow heads; its port."""
    config = Config(
        office.app, http=impatient(AutoHTTPProtocol, SHORT), ws="none", lifespan="off", log_config=None
    )
    server = Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(LONG)


def seconds_until_closed(wire: socket.socket, drip: bytes) -> float:
    """Send this byte again and again until the other side has enough."""
    began = time.monotonic()
    wire.settimeout(0.05)
    while time.monotonic() - began < LONG:
        try:
            wire.send(drip)
            if wire.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            break
    return time.monotonic() - began


def test_fast_key_is_told_when_to_return(office: Office) -> None:
    """SPEC 8: 429 with Retry-After and the one error form; other keys go on."""
    with TestClient(office.app) as client:
        answers = [client.get("/api/lists", headers=office.keys[0]) for _ in range(4)]
        other = client.get("/api/lists", headers=office.keys[1])

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["retry-after"] == "1"
    assert answers[3].json()["error"] == answers[3].json()["message"]
    assert other.status_code == 200


def test_refused_calls_change_nothing(office: Office) -> None:
    """A call over the limit is not done."""
    with TestClient(office.app) as client:
        for number in range(6):
            client.post("/api/lists", json={"name": f"list {number}"}, headers=office.keys[0])
        found = client.get("/api/lists", headers=office.keys[1])

    assert found.json()["totalCount"] == 3


@given(
    rate=st.integers(1, 50),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 3, allow_nan=False), max_size=200),
)
def test_bucket_never_gives_more(rate: int, burst: int, pauses: list[float]) -> None:
    """In any stretch from the start: at most the burst and what the rate has added; and waiting helps."""
    bucket, now, given_out = Bucket(burst, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        wait = bucket.wait(now, rate, burst)
        given_out += wait == 0
        assert given_out <= burst + now * rate + 1e-6
        if wait:
            now += wait + 1e-6
            assert bucket.wait(now, rate, burst) == 0
            given_out += 1


def test_trickled_head_is_closed(office: Office) -> None:
    """Slow clients: a byte now and then does not put the end off."""
    with served(office) as port, socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        assert seconds_until_closed(wire, b"x") < LONG / 2


def test_silent_connection_is_closed(office: Office) -> None:
    """Slow clients: one that never says anything."""
    with served(office) as port, socket.create_connection(("127.0.0.1", port)) as wire:
        wire.settimeout(LONG / 2)
        assert wire.recv(1) == b""


def test_pause_between_calls_is_no_fault(office: Office) -> None:
    """A kept connection may lie still for longer than a head may take."""
    with served(office) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        first = client.get("/healthz")
        time.sleep(SHORT * 2)
        second = client.get("/healthz")
    assert [first.status_code, second.status_code] == [200, 200]


def test_trickled_body_is_refused_and_holds_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow clients: 408 and closed; others write meanwhile."""
    monkeypatch.setattr(bodies, "PIECE_SECONDS", SHORT)
    with served(office) as port, socket.create_connection(("127.0.0.1", port)) as wire:
        authorization = office.keys[0]["Authorization"]
        head = f"POST /api/lists HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: 99\r\n\r\n{{"
        wire.sendall(head.encode())
        quick = httpx.post(
            f"http://127.0.0.1:{port}/api/lists", json={"name": "quick"}, headers=office.keys[1]
        )
        wire.settimeout(LONG)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))

    assert quick.status_code == 201
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in answer
