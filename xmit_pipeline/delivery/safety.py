"""When a tick must not send at all, each with the sentence that says why and what to do (SPEC 6.10)."""

from datetime import datetime, timedelta

from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.model.clock import Clock, WallClock, iso
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.ticks import knows_request, latest_moment

OFF_THE_CLOCK = timedelta(minutes=5)
"""How far a simulated time may lie from the wall clock where mail could reach people."""


def off_the_clock(moment: datetime) -> bool:
    """Whether this is too far from the wall clock to send by."""
    return abs(moment - WallClock().now()) > OFF_THE_CLOCK


def unsafe(settings: Settings, clock: Clock) -> str | None:
    """Why nothing may be sent with these settings, or None."""
    if settings.host_is_loopback:
        return None
    if clock.simulated and off_the_clock(clock.now()):
        return (
            f"A simulated time ({iso(clock.now())}) more than 5 minutes off the clock sends only to a loopback "
            "SENDGRID_HOST; run without --now."
        )
    if not settings.sendgrid_key:
        return "SENDGRID_API_KEY is not set; set it, or run `xmit up`, which brings a sandbox."
    if not settings.public_url_is_reachable:
        return f"XMIT_PUBLIC_URL is {settings.public_url}; unsubscribe links would be dead. Set your https address."
    return None


def out_of_step(connection: Connection, journal: Journal, now: datetime) -> str | None:
    """Why this store, or this clock, can't be trusted to go on by itself, or None."""
    newest = journal.newest()
    if newest is not None and not knows_request(connection, newest):
        return (
            "This store is older than the journal beside it (a restored backup?): mail may have gone out that it "
            "does not know of. Nothing is sent until you run `xmit reconcile`."
        )
    last = latest_moment(connection)
    if last is not None and now < last:
        return (
            f"The clock says {iso(now)}, but a tick has run at {iso(last)} already. Nothing is sent before then; "
            "if the clock is right now, run `xmit reconcile`."
        )
    return None
