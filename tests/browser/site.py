"""The site as people meet it: API and pages on a port, over a real store, with a sandbox that stands for SendGrid."""

import re
import threading
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from socket import socket
from uuid import UUID

import orjson
from uvicorn import Config, Server

from tests.campaigns import World
from tests.integration.api.client import MovableClock
from tests.integration.events.feed import Feed
from xmit_pipeline.cli.demo_readers import Readers
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.delivery.transport import SendGrid
from xmit_pipeline.model.clock import Clock, WallClock
from xmit_pipeline.model.delays import whole_minute
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.serving import listener_on, url_of
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.key_stamp import note_key_change
from xmit_pipeline.store.keys import KeyScope, create_key
from xmit_pipeline.store.metrics import refresh_step_metrics

START_SECONDS = 30
EAGER = PeopleOrder(
    seed=1, drop=0, deferred=0, hard_bounce=0, soft_bounce=0, machine_open=0, open=1, reopen=0, scanner=0, click=1,
    complaint=0, unsubscribe=0,
)  # fmt: skip
"""Everybody opens and clicks, and nobody leaves by themselves."""

_LINK = re.compile(r'href="([^"]*/u/[^"]+)"')


@dataclass
class Site:
    """Where the pages are, and what a test does behind them: ticks and readers, at moments that it chooses."""

    url: str
    world: World
    clock: MovableClock

    def key(self, name: str = "marketing", scope: KeyScope = KeyScope.FULL) -> str:
        """A live key to sign in with."""
        with self.world.store.transaction() as connection:
            key = create_key(connection, name, self.clock.now(), scope)
        note_key_change(self.world.store.path)
        return key

    def pass_time(self, **span: float) -> None:
        """So much later readers have read, and a tick runs: it folds their events, sends, and measures."""
        now = self.clock.moment = self.clock.moment + timedelta(**span)
        Readers(self.world.sandbox, self.world.settings).act(now)
        Feed(self.world).fold(now)
        self.world.tick(now)
        refresh_step_metrics(self.world.store, f"measured-{self.world.ticks}", now)

    def sequence_id(self, name: str) -> UUID:
        [row] = self.world.rows("SELECT id FROM sequence WHERE name = $name", name=name)
        return row["id"]

    def unsubscribe_link(self, email: str) -> str:
        """The link in the newest mail that the sandbox has for this address."""
        with urllib.request.urlopen(f"{self.world.sandbox.url}/_sandbox/messages?to={email}") as answer:  # noqa: S310
            messages = orjson.loads(answer.read())["messages"]
        return unescape(_LINK.findall(messages[0]["html"])[0])


@contextmanager
def opened_site(home: Path, sandbox: RunningSandbox) -> Generator[Site]:
    """A new store in this folder and the site over it, ready; its time stands still at the present minute."""
    with listener_on("127.0.0.1", 0, "The site") as listener:
        url = url_of(listener)
        settings = read_settings(
            {"XMIT_HOME": str(home), "SENDGRID_HOST": sandbox.url, "XMIT_PUBLIC_URL": url}
        )
        store = EmbeddedStore(settings.database, patience_seconds=30)
        sendgrid = SendGrid(key="SG.test", host=sandbox.url, connections=4)
        clock = MovableClock(whole_minute(WallClock().now()))
        sandbox.events.people = EAGER
        try:
            with served(store, settings, listener, clock):
                yield Site(url, World(store, settings, sandbox, sendgrid), clock)
        finally:
            sandbox.events.people = None
            sendgrid.close()
            store.close()


@contextmanager
def served(
    store: EmbeddedStore, settings: Settings, listener: socket, clock: Clock | None = None
) -> Generator[None]:
    """The site in a thread, until this ends."""
    app = create_site(store, settings, clock=clock)
    server = Server(
        Config(app, ws="none", lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="site", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the site ended at its start"
        assert time.monotonic() < deadline, "the site did not start in time"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
