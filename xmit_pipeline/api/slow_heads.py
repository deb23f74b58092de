"""Closes connections that take too long over the head of a request; slow bodies are `bodies`' to refuse."""

import asyncio
from typing import Any

HEAD_SECONDS = 10.0
"""From a connection's first moment, or a later request's first byte, to the end of that request's head."""


def impatient(protocol: type[Any], seconds: float = HEAD_SECONDS) -> type[asyncio.Protocol]:
    """uvicorn's protocol class, which by itself waits for ever, with a limit on the head of each request."""

    class Impatient(protocol):
        """`_alarm` runs while a head is awaited; bytes that trickle in do not put it off."""

        _alarm: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._await_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._await_head()
            else:
                self._stop_waiting()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            if self._alarm is None:
                self._alarm = self.loop.call_later(seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    return Impatient
