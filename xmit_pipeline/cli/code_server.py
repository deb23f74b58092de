"""Dagster's code server, whose runs start warm: forked from a process that has imported Dagster (DESIGN 6).

Dagster gives each run a fresh Python that imports everything once more: more than half of the time that a tick takes.
Ours imports what is heavy and starts no thread once, for as long as the code server lives. What is left for each run is
our own code, with DuckDB and polars, whose threads would not survive a fork.
"""

import sys
from multiprocessing import forkserver, get_context
from typing import Any

IMPORTED_ONCE = (
    "dagster._grpc.impl",
    "dagster._core.executor.in_process",
    "dagster._core.storage.event_log",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "liquid",
    "sendgrid",
    "urllib3",
)


def main() -> None:
    """What `dagster api grpc` does, with its arguments."""
    warm = get_context("forkserver")
    warm.set_forkserver_preload(list(IMPORTED_ONCE))
    forkserver.ensure_running()  # it imports while this process does

    from dagster._cli.api import grpc_command
    from dagster._grpc import server

    class WarmServer(server.DagsterApiServer):
        """Dagster's own, but for how it makes the processes of its runs."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._mp_ctx = warm

    server.DagsterApiServer = WarmServer
    grpc_command(sys.argv[1:])


if __name__ == "__main__":
    main()
