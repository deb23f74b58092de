"""Dagster resources: thin, typed, opened for one run and closed with it."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field, PrivateAttr

from xmit_pipeline.delivery.identity import key_of
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import Clock, FixedClock, WallClock, parse_moment
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store.connection import EmbeddedStore


class StoreResource(dg.ConfigurableResource):
    """The xmit store named by XMIT_DATABASE, by short turns; `open()` it, then `transaction()` or `snapshot()`."""

    _store: EmbeddedStore | None = PrivateAttr(default=None)

    def open(self, patience_seconds: float = 60.0) -> EmbeddedStore:
        """The store, shared by everything in this run; who opens it first says how long to wait for a turn."""
        if self._store is None:
            self._store = EmbeddedStore(self.settings().database, patience_seconds=patience_seconds)
        return self._store

    def settings(self) -> Settings:
        """What the environment says."""
        return read_settings()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Give the file up as soon as the run is over."""
        if self._store is not None:
            self._store.close()


class ClockResource(dg.ConfigurableResource):
    """The time of a tick: the wall clock, unless a simulated moment is given."""

    now: str = Field(
        default="",
        description="A simulated moment, ISO 8601. Leave it blank for a real tick. "
        "A simulated tick sends only where SENDGRID_HOST is a loopback address.",
    )

    def clock(self) -> Clock:
        """The clock that this run goes by."""
        return FixedClock(parse_moment(self.now)) if self.now else WallClock()


class SendGridResource(dg.ConfigurableResource):
    """SendGrid, or whatever SENDGRID_HOST names, through the `sendgrid` package on a connection pool."""

    connections: int = Field(default=8, description="How many requests may be under way at a time.")

    @contextmanager
    def mailer(self, settings: Settings, clock: Clock) -> Generator[Mailer]:
        """A poster for one tick; its connections are closed with it."""
        sendgrid = SendGrid(key=key_of(settings), host=settings.sendgrid_host, connections=self.connections)
        try:
            yield Mailer.by_clock(sendgrid, clock)
        finally:
            sendgrid.close()
