"""Runs the sandbox: in a thread beside tests and demos, or in the foreground. Cheap to import."""

import signal
import socket
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.serving import ended_by, listener_on, url_of

if TYPE_CHECKING:
    from uvicorn import Server

    from xmit_pipeline.sandbox.events_desk import EventsDesk
    from xmit_pipeline.sandbox.faults import Faults
    from xmit_pipeline.sandbox.mailbox import Mailbox
    from xmit_pipeline.sandbox.suppressions import SuppressionLists

_KEEP_ALIVE_SECONDS = 75
_GOODBYE_SECONDS = 1
_READY_SECONDS = 20


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that answers at `url`; its mailbox, suppressions, faults and events may be used directly."""

    url: str
    mailbox: "Mailbox"
    suppressions: "SuppressionLists"
    faults: "Faults"
    events: "EventsDesk"


@contextmanager
def running_sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    folder: Path | None = None,
    verified_domains: frozenset[str] | None = None,
) -> Generator[RunningSandbox, None, None]:
    """Serve in a thread, ready when this yields; the port (0: any free one) is free again afterwards.

    Mail is kept in `folder`, or in memory. Raises ConfigurationFault where the port is taken, Conflict
    where the folder is.
    """
    with _prepared(host, port, folder, verified_domains) as (server, listener, sandbox):
        thread = threading.Thread(target=server.run, args=([listener],), name="xmit-sandbox", daemon=True)
        thread.start()
        try:
            _wait_until_ready(server, thread)
            yield sandbox
        finally:
            server.should_exit = True
            thread.join()


def serve(
    *, host: str, port: int, folder: Path | None, webhook: str | None = None, people: bool = False
) -> None:
    """Serve until SIGINT or SIGTERM, then return (`xmit sandbox`). Call it in the main thread.

    Events go to `webhook` as they happen; with `people` mail has readers from the start. Raises
    ConfigurationFault where the port is taken, Conflict where the folder is.
    """
    from xmit_pipeline.sandbox.events_live import events_go_out

    with (
        _prepared(host, port, folder, None) as (server, listener, sandbox),
        events_go_out(sandbox.events, webhook, people=people),
        ended_by(signal.SIGINT, signal.SIGTERM),
    ):
        server.run([listener])


@contextmanager
def _prepared(
    host: str, port: int, folder: Path | None, verified_domains: frozenset[str] | None
) -> Generator[tuple["Server", socket.socket, RunningSandbox], None, None]:
    from xmit_pipeline.sandbox.events_desk import EventsDesk
    from xmit_pipeline.sandbox.faults import Faults
    from xmit_pipeline.sandbox.mailbox import Mailbox
    from xmit_pipeline.sandbox.suppressions import SuppressionLists

    lists = SuppressionLists()
    with (
        closing(Mailbox(folder)) as mailbox,
        listener_on(host, port, "The sandbox") as listener,
        closing(EventsDesk(mailbox, lists, folder)) as events,
    ):
        sandbox = RunningSandbox(url_of(listener), mailbox, lists, Faults(), events)
        yield _server(sandbox, verified_domains), listener, sandbox


def _server(sandbox: RunningSandbox, verified_domains: frozenset[str] | None) -> "Server":
    from uvicorn import Config, Server

    from xmit_pipeline.sandbox.app import create_app
    from xmit_pipeline.sandbox.connection import TearableConnection

    app = create_app(
        sandbox.mailbox,
        suppressions=sandbox.suppressions,
        faults=sandbox.faults,
        desk=sandbox.events,
        verified_domains=verified_domains,
    )
    return Server(
        Config(
            app,
            http=TearableConnection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
    )


def _wait_until_ready(server: "Server", thread: threading.Thread) -> None:
    waited = threading.Event()
    for _ in range(_READY_SECONDS * 1000):
        if server.started:
            return
        if not thread.is_alive():
            break
        waited.wait(0.001)
    raise ConfigurationFault("The sandbox did not start; see the log above.")
