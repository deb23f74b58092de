"""`xmit api` as a process of its own over a new home, joined to a sandbox: for whoever talks to it by HTTP alone."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key

NO_RATE = {"XMIT_RATE_PER_SECOND": "0"}


@dataclass(frozen=True)
class Served:
    """Where it answers, a key of full scope, its home, and the environment it runs in."""

    url: str
    key: str
    home: Path
    environment: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@contextmanager
def served_api(home: Path, sandbox_url: str) -> Generator[Served]:
    """A server that answers; it is ended with the block."""
    store = EmbeddedStore(home / "xmit.duckdb", patience_seconds=20)
    with store.transaction() as connection:
        key = create_key(connection, "served", datetime.now(UTC))
    store.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        **NO_RATE,
        "XMIT_HOME": str(home),
        "SENDGRID_HOST": sandbox_url,
        "XMIT_PUBLIC_URL": url,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "xmit_pipeline.cli", "api", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(url, process)
        yield Served(url, key, home, environment)
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the API did not start")
