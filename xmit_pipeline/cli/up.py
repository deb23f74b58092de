"""`xmit up`: Dagster, the API and the sandbox as children of one process that ends them all."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from xmit_pipeline.cli.console import err
from xmit_pipeline.cli.dagster_home import prepared_home
from xmit_pipeline.cli.home_lock import home_in_use
from xmit_pipeline.cli.household import Household, Program
from xmit_pipeline.cli.reaching import answers, listens
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import ConfigurationFault, NotFound
from xmit_pipeline.model.settings import SENDGRID, Settings, read_settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key, revoke_key

LOCATION = "xmit_pipeline"
"""The code location's name, the same as in workspace.yaml: what people switched off in the UI stays off."""
FINISHING_SECONDS = 30.0
"""How long a run under way may go on at the end: a tick that is cut off leaves mail of unknown fate."""

DEMO_KEY = "demo"
NO_KEY_YET = "Sign in to the dashboard with a key: `xmit keys create NAME` makes one."


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each part listens; all on the loopback address, for Dagster's UI has no login."""

    dagster: int
    api: int
    sandbox: int | None


def run_up(*, demo: bool, dagster_port: int, api_port: int, sandbox_port: int) -> None:
    """Start everything and stay in front of it."""
    environment = _demo_environment() if demo else dict(os.environ)
    settings = read_settings(environment)
    sandboxed = not settings.sendgrid_key and settings.sendgrid_host == SENDGRID
    ports = Ports(dagster_port, api_port, sandbox_port if sandboxed else None)
    _refuse_taken(ports)
    environment |= _environment(settings, ports, environment)
    with home_in_use(settings.home, environment), _socket_folder() as sockets:
        err.print(f"State in {settings.home}. Mail goes to {environment['SENDGRID_HOST']}.")
        hint = f"Sign in to the dashboard with {_demo_key(settings)}" if demo else NO_KEY_YET
        Household(_floors(ports, sockets, people=demo), environment, settings.home, hint).run()
    err.print("All ended.")


def _demo_key(settings: Settings) -> str:
    """A key for the demo's dashboard, in place of the one of the last start; the store holds made-up people only."""
    store = EmbeddedStore(settings.database)
    try:
        with store.transaction() as connection:
            with suppress(NotFound):
                revoke_key(connection, DEMO_KEY, WallClock().now())
            return create_key(connection, DEMO_KEY, WallClock().now())
    finally:
        store.close()


def _demo_environment() -> dict[str, str]:
    """The demo's people are made up: whatever else is set, their store is apart and their mail stays here."""
    ours = ("XMIT_DATABASE", "XMIT_PUBLIC_URL", "SENDGRID_API_KEY", "SENDGRID_HOST")
    return {**os.environ, "XMIT_HOME": str(read_settings().home / "demo"), **dict.fromkeys(ours, "")}


def _environment(settings: Settings, ports: Ports, given: Mapping[str, str]) -> dict[str, str]:
    host = settings.sendgrid_host if ports.sandbox is None else f"http://127.0.0.1:{ports.sandbox}"
    return {
        "XMIT_HOME": str(settings.home),
        "XMIT_DATABASE": str(settings.database),
        "XMIT_PUBLIC_URL": given.get("XMIT_PUBLIC_URL") or f"http://127.0.0.1:{ports.api}",
        "SENDGRID_HOST": host,
        "XMIT_DAGSTER_URL": given.get("XMIT_DAGSTER_URL") or f"http://127.0.0.1:{ports.dagster}",
        "DAGSTER_HOME": str(prepared_home(settings)),
    }


def _floors(ports: Ports, sockets: Path, *, people: bool) -> list[list[Program]]:
    """Receivers below, the code server and its runs in the middle, what starts runs at the top."""
    xmit = [sys.executable, "-m", "xmit_pipeline.cli"]
    api = f"http://127.0.0.1:{ports.api}"
    receivers = [
        Program(
            "dashboard and API",
            [*xmit, "api", "--port", str(ports.api)],
            partial(answers, f"{api}/healthz"),
            api,
        )
    ]
    if ports.sandbox is not None:
        sandbox = f"http://127.0.0.1:{ports.sandbox}"
        command = [*xmit, "sandbox", "--port", str(ports.sandbox), "--webhook", f"{api}/webhooks/sendgrid"]
        command += ["--people"] if people else []
        receivers.append(Program("sandbox", command, partial(answers, sandbox), sandbox))
    return [receivers, [_code_server(sockets)], _dagster(ports.dagster, sockets)]


def _code_server(sockets: Path) -> Program:
    socket_path = sockets / "code"
    return Program(
        "Dagster's code server",
        [sys.executable, "-m", "xmit_pipeline.cli.code_server", "--module-name", "xmit_pipeline.definitions",
         "--location-name", LOCATION, "--socket", str(socket_path), "--use-python-environment-entry-point",
         "--log-level", "warning"],
        partial(listens, socket_path),
        gate=True,
        patience=FINISHING_SECONDS,
    )  # fmt: skip


def _dagster(port: int, sockets: Path) -> list[Program]:
    """The daemon and the UI, on the one code server."""
    server = {"socket": str(sockets / "code"), "location_name": LOCATION}
    workspace = sockets / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    page = f"http://127.0.0.1:{port}"
    return [
        Program(
            "Dagster's daemon",
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace), "--log-level", "warning"],
            lambda: True,
        ),
        Program(
            "Dagster",
            [sys.executable, "-m", "dagster_webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port),
             "--dagster-log-level", "warning", "--log-level", "warning"],
            partial(answers, f"{page}/server_info"),
            page,
        ),
    ]  # fmt: skip


@contextmanager
def _socket_folder() -> Generator[Path]:
    """A short path: a Unix socket's may have no more than about 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix="xmit-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_taken(ports: Ports) -> None:
    wanted = [port for port in (ports.dagster, ports.api, ports.sandbox) if port is not None]
    for port in wanted:
        if wanted.count(port) > 1:
            raise ConfigurationFault(f"Port {port} was given twice; choose another for one of them.")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ConfigurationFault(
                    f"Port {port} can't be used ({error.strerror}); end what uses it, or choose another port."
                ) from error
