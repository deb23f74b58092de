"""`xmit api` as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from xmit_pipeline.api.server import GOODBYE_SECONDS, serve
from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key

XMIT = [sys.executable, "-m", "xmit_pipeline.cli"]


@dataclass
class Running:
    """The process, where it answers, and a key that it takes."""

    process: subprocess.Popen[str]
    url: str
    key: dict[str, str]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the API did not start")


@pytest.fixture
def running(home: Path, store: EmbeddedStore) -> Iterator[Running]:
    """A server over a new home, and a key that another process made meanwhile."""
    port = _free_port()
    environment = {**os.environ, "XMIT_HOME": str(home)}
    process = subprocess.Popen(
        [*XMIT, "api", "--port", str(port)], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        with store.transaction() as connection:
            key = create_key(connection, "test", datetime.now(UTC))
        store.close()
        yield Running(process, url, {"Authorization": f"Bearer {key}"})
    finally:
        process.kill()
        process.communicate()


def test_server_answers_and_ends_cleanly(running: Running) -> None:
    """SPEC 9, 10: keys made beside it work, a body over 10 MB is 413 on the wire, SIGTERM ends it with 0."""
    with httpx.Client(base_url=running.url, headers=running.key, timeout=30) as client:
        made = client.post("/api/lists", json={"name": "over the wire"})
        large = client.post(
            "/api/lists", content=b" " * 12_000_000, headers={"Content-Type": "application/json"}
        )
        after = client.get("/v1/lists")

    running.process.send_signal(signal.SIGTERM)
    _, told = running.process.communicate(timeout=15)

    assert (made.status_code, large.status_code, after.json()["totalCount"]) == (201, 413, 1)
    assert running.process.returncode == 0
    assert told.splitlines() == [f"The xmit API answers at {running.url}; Ctrl-C ends it."]


BUSY = """
import threading
from xmit_pipeline.cli.app import app
from xmit_pipeline.dashboard import site

def create(store, settings, create_site=site.create_site):
    def work():
        while True:
            with store.transaction() as connection:
                connection.execute("CREATE OR REPLACE TABLE much AS SELECT hash(range) FROM range(1_000_000)")
    threading.Thread(target=work, name="xmit-import-endless", daemon=True).start()
    return create_site(store, settings)

site.create_site = create
app()
"""


def test_server_ends_in_time_though_an_import_goes_on(home: Path) -> None:
    """SPEC 9: work in the background, which survives a kill, keeps nobody waiting; and no thread aborts the process."""
    port = _free_port()
    command = [sys.executable, "-c", BUSY, "api", "--port", str(port)]
    with subprocess.Popen(
        command, env={**os.environ, "XMIT_HOME": str(home)}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}", process)
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=GOODBYE_SECONDS + 15)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "terminate" not in told


def test_taken_port_is_a_sentence() -> None:
    """SPEC 9: said before anything is served, with what to do."""
    refused = pytest.raises(ConfigurationFault, match="choose another --port")
    with socket.create_server(("127.0.0.1", 0)) as taken, refused:
        serve(host="127.0.0.1", port=taken.getsockname()[1])
