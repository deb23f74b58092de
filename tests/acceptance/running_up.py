"""`xmit up` for real, as tests drive it: its processes, addresses and words, in the wall clock's time."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

XMIT = [sys.executable, "-m", "xmit_pipeline.cli"]
READY_SECONDS = 90
MINUTE_AND_RUN = 100
"""To the next whole minute, and a run on a busy machine."""
END_SECONDS = 40


@dataclass(frozen=True)
class Up:
    """The process, its home and its ports; what it wrote for the eye is in `said`."""

    process: subprocess.Popen[bytes]
    home: Path
    dagster: str
    api: str
    sandbox: str
    said: Path

    def family(self) -> set[int]:
        """Every process that descends from it, itself left out."""
        return descendants(self.process.pid)

    def commands(self) -> list[str]:
        """What each of them runs, as `ps` shows it."""
        pids = ",".join(map(str, self.family()))
        return subprocess.run(
            ["ps", "-o", "args=", "-p", pids], capture_output=True, text=True, check=False
        ).stdout.splitlines()

    def kill_everything(self) -> None:
        """As a power cut does it: nobody has time for a last word, and nobody is left."""
        pids = {self.process.pid, *self.family()}
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in filter(alive, pids):
                os.kill(pid, number)
        self.process.wait()
        wait_for(lambda: not any(map(alive, pids)), END_SECONDS)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def descendants(pid: int) -> set[int]:
    lines = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, lines.splitlines())}
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def wait_for(what: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


def fetched(url: str | urllib.request.Request) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (our own loopback address)
        body = answer.read()
    return orjson.loads(body) if body.startswith(b"{") else body.decode()


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@contextmanager
def started(home: Path, **given: str) -> Generator[Up]:
    """Up and ready, with these settings and none of the machine's; killed with all its family at the end."""
    dagster, api, sandbox = free_ports(3)
    said = home.parent / f"{home.name}-{dagster}.txt"
    unset = ("SENDGRID_API_KEY", "SENDGRID_HOST", "XMIT_DATABASE", "XMIT_PUBLIC_URL", "XMIT_SECRET")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | given
    options = ["--dagster-port", str(dagster), "--api-port", str(api), "--sandbox-port", str(sandbox)]
    with said.open("wb") as stream:
        process = subprocess.Popen(
            [*XMIT, "up", *options], env={**environment, "XMIT_HOME": str(home)}, stdout=stream, stderr=stream
        )
    up = Up(process, home, _url(dagster), _url(api), _url(sandbox), said)
    try:
        wait_for(lambda: "Ready" in said.read_text() or process.poll() is not None, READY_SECONDS)
        assert process.poll() is None, said.read_text()
        yield up
    finally:
        up.kill_everything()
