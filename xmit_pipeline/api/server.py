"""Runs the API in the foreground. Cheap to import."""

import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from xmit_pipeline.serving import ended_by, listener_on, url_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from xmit_pipeline.model.settings import Settings
    from xmit_pipeline.store.connection import EmbeddedStore

    Create = Callable[[EmbeddedStore, Settings], ASGIApp]

GOODBYE_SECONDS = 5
"""How long calls under way may take to end after Ctrl-C, and then whatever else uses the store."""


def serve(*, host: str, port: int, create: "Create | None" = None) -> bool:
    """Serve until SIGINT or SIGTERM (`xmit api`). Call it in the main thread.

    `create` makes the app; the API alone where it is left out. The store and all else come from the environment.
    False where a call, an import or a forecast is under way still: then end the process by `os._exit`, for a thread
    that the interpreter takes away inside DuckDB aborts it. ConfigurationFault where the port is taken.
    """
    from uvicorn import Config, Server
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    from xmit_pipeline.api.app import create_app
    from xmit_pipeline.api.log_lines import log_lines_in
    from xmit_pipeline.api.slow_heads import impatient
    from xmit_pipeline.model.settings import read_settings
    from xmit_pipeline.store.connection import EmbeddedStore

    settings = read_settings()
    store = EmbeddedStore(settings.database)
    with log_lines_in(settings.home / "logs"):
        try:
            config = Config(
                (create or create_app)(store, settings),
                http=impatient(AutoHTTPProtocol),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GOODBYE_SECONDS,
            )
            with listener_on(host, port, "The API") as listener, ended_by(signal.SIGINT, signal.SIGTERM):
                sys.stderr.write(f"The xmit API answers at {url_of(listener)}; Ctrl-C ends it.\n")
                Server(config).run([listener])
        finally:
            closed = store.close(GOODBYE_SECONDS)
    return closed and not any(thread.daemon for thread in threading.enumerate())
