"""Runs the API in the foreground. Cheap to import."""

import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager

from xmit_pipeline.model.errors import ConfigurationFault

GOODBYE_SECONDS = 5
"""How long calls under way may take to end after Ctrl-C."""


def serve(*, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then return (`xmit api`). Call it in the main thread.

    The store and all else come from the environment. ConfigurationFault where the port is taken.
    """
    from uvicorn import Config, Server

    from xmit_pipeline.api.app import create_app
    from xmit_pipeline.model.settings import read_settings
    from xmit_pipeline.store.connection import EmbeddedStore

    settings = read_settings()
    store = EmbeddedStore(settings.database)
    config = Config(
        create_app(store, settings),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    try:
        with _listener(host, port) as listener, _swallowed(signal.SIGINT, signal.SIGTERM):
            sys.stderr.write(f"The xmit API answers at {_url(listener)}; Ctrl-C ends it.\n")
            Server(config).run([listener])
    finally:
        store.close()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationFault(
            f"The API can't listen on {host}:{port} ({error.strerror}); choose another --port or --host."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _swallowed(*signals: signal.Signals) -> Generator[None, None, None]:
    """uvicorn raises again the signal that ended it; here that is the ordinary end and no error."""
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
