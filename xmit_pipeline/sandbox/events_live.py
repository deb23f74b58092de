"""Events in real time: a thread that lets happen what is due and posts it, for as long as the sandbox serves."""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from xmit_pipeline.sandbox.events_desk import EventsDesk
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.webhook_order import DAY, WebhookOrder

SPEED = 60
"""An hour of a reader's life in a minute: who tries things out doesn't wait until tomorrow for an open."""
_PAUSE_SECONDS = 2.0


@contextmanager
def events_go_out(desk: EventsDesk, webhook: str | None, *, people: bool) -> Generator[None]:
    """Post to `webhook` every other second what has happened; retries last a day, as SendGrid's do.

    People are those of the folder's past, so that a restart leaves everybody's fate as it was.

    Raises pydantic's ValidationError where `webhook` is beyond this machine.
    """
    if webhook is not None:
        desk.webhook = WebhookOrder(url=webhook, retry_seconds=DAY)
    if people:
        desk.people = (desk.known or PeopleOrder()).model_copy(update={"speed": SPEED})
    ending = threading.Event()
    thread = threading.Thread(target=_go_on, args=(desk, ending), name="xmit-sandbox-events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        desk.close()
        thread.join()


def _go_on(desk: EventsDesk, ending: threading.Event) -> None:
    while not ending.wait(_PAUSE_SECONDS):
        try:
            desk.emit(time.time())
        except Exception:
            # one mail that can't be told of must not silence all others
            logging.getLogger(__name__).exception("Events could not be posted.")
