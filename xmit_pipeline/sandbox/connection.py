"""The TCP side of the server: lets a handler tear its own connection down. Needs the asyncio event loop."""

import asyncio
import socket
import struct
from functools import partial

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class TearableConnection(HttpToolsProtocol):
    """uvicorn's HTTP connection, with `hang_up()` in each request's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Called by the event loop with the accepted connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "hang_up": partial(_reset, transport)}


def _reset(transport: asyncio.Transport) -> None:
    """Close with RST in place of FIN: no answer, nothing flushed, the peer sees a reset."""
    tcp: socket.socket = transport.get_extra_info("socket")
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
