"""`xmit sandbox` as a process of its own: says where it is, keeps mail in the home, ends cleanly."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.integration.cli.conftest import XMIT, Xmit


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_sandbox/stats", timeout=2):  # noqa: S310  (our own process)
            return True
    except OSError:
        return False


def test_sandbox_serves_until_told_to_end(home: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [*XMIT, "sandbox", "--port", str(port)], env=os.environ, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 30
        while not answers(url) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=15)
    assert process.returncode == 0
    assert told == f"The sandbox takes mail at {url} and keeps it in {home / 'sandbox'}; Ctrl-C ends it.\n"
    assert (home / "sandbox" / "mail.jsonl").exists()


@pytest.mark.parametrize("command", ["sandbox", "api"])
def test_taken_port_is_a_sentence(xmit: Xmit, command: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = xmit(command, "--port", str(taken.getsockname()[1]))
    assert said.code == 1
    assert "choose another" in said.err.splitlines()[-1]
