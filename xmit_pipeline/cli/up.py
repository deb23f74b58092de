"""`xmit up`: Dagster, the API and the sandbox as children of one process that ends them all."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from xmit_pipeline.cli.console import err
from xmit_pipeline.cli.dagster_home import PROJECT, prepared_home
from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.settings import SENDGRID, Settings, read_settings

READY_SECONDS = 120
GRACE_SECONDS = 10


@dataclass(slots=True)
class Child:
    """One program that `xmit up` started, in a process group of its own."""

    name: str
    command: list[str]
    ready_url: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603  (our own commands)
            self.command, env=dict(self.environment), cwd=PROJECT, start_new_session=True
        )

    def signal(self, number: int) -> None:
        """To the whole group: Dagster's own children must not outlive it."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@dataclass(slots=True)
class Household:
    """All children together: started in order, watched, and ended as one."""

    children: list[Child] = field(default_factory=list)

    def run(self) -> None:
        """Until Ctrl-C, or until one of them dies."""
        try:
            for child in self.children:
                child.start()
            for child in self.children:
                _wait_ready(child)
                err.print(f"  {child.name:<10} {child.ready_url}")
            err.print("Ctrl-C ends all.")
            while not (fallen := [child for child in self.children if child.ended]):
                time.sleep(0.5)
            raise ConfigurationFault(f"{fallen[0].name} ended by itself; its last lines are above.")
        finally:
            self.end()

    def end(self) -> None:
        """Ask each group to end, then insist."""
        for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 1)):
            for child in self.children:
                child.signal(number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and not all(child.ended for child in self.children):
                time.sleep(0.1)


def run_up(*, demo: bool, dagster_port: int, api_port: int, sandbox_port: int) -> None:
    """Start everything and stay in front of it."""
    for port in (dagster_port, api_port, sandbox_port):
        _refuse_taken(port)
    environment = dict(os.environ)
    if demo:
        environment["XMIT_HOME"] = str(read_settings().home / "demo")
    settings = read_settings(environment)
    _fill(environment, settings, api_port=api_port, sandbox_port=sandbox_port)
    signal.signal(signal.SIGTERM, _as_interrupt)
    household = Household(_children(settings, environment, dagster_port, api_port, sandbox_port))
    err.print(f"State in {settings.home}. Mail goes to {environment['SENDGRID_HOST']}.")
    try:
        household.run()
    except KeyboardInterrupt:
        err.print("All ended.")


def _fill(environment: dict[str, str], settings: Settings, *, api_port: int, sandbox_port: int) -> None:
    if not settings.sendgrid_key and settings.sendgrid_host == SENDGRID:
        environment["SENDGRID_HOST"] = f"http://127.0.0.1:{sandbox_port}"
    environment.setdefault("SENDGRID_HOST", settings.sendgrid_host)
    environment.setdefault("XMIT_PUBLIC_URL", f"http://127.0.0.1:{api_port}")
    environment["XMIT_HOME"] = str(settings.home)
    environment["DAGSTER_HOME"] = str(prepared_home(settings))


def _children(
    settings: Settings, environment: dict[str, str], dagster_port: int, api_port: int, sandbox_port: int
) -> list[Child]:
    xmit = [sys.executable, "-m", "xmit_pipeline.cli"]
    dagster = [sys.executable, "-m", "dagster", "dev", "--workspace", str(PROJECT / "workspace.yaml"),
               "--host", "127.0.0.1", "--port", str(dagster_port), "--log-level", "warning"]  # fmt: skip
    api = [*xmit, "api", "--port", str(api_port)]
    children = [
        Child("Dagster", dagster, f"http://127.0.0.1:{dagster_port}/server_info", environment),
        Child("API", api, f"http://127.0.0.1:{api_port}/healthz", environment),
    ]
    if not settings.sendgrid_key and settings.sendgrid_host == SENDGRID:
        sandbox = [*xmit, "sandbox", "--port", str(sandbox_port)]
        children.append(Child("sandbox", sandbox, f"http://127.0.0.1:{sandbox_port}/", environment))
    return children


def _wait_ready(child: Child) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not child.ended:
        try:
            with urllib.request.urlopen(child.ready_url, timeout=2):  # noqa: S310  (our own loopback address)
                return
        except OSError:
            time.sleep(0.2)
    raise ConfigurationFault(f"{child.name} did not answer at {child.ready_url}; its last lines are above.")


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationFault(
                f"Port {port} is taken; end what uses it, or choose another port."
            ) from error


def _as_interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
