"""The account's events: whose people, which webhook, what has happened. Safe from any thread.

Without people nothing happens at all: no event, no suppression. Nothing is held across a post.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from pydantic import ValidationError

from xmit_pipeline.sandbox.events_emission import Emission, Happened
from xmit_pipeline.sandbox.mailbox import Mailbox
from xmit_pipeline.sandbox.people import People, PeopleOrder
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.sandbox.validation.shape import JsonObject
from xmit_pipeline.sandbox.webhook import Courier, Sent
from xmit_pipeline.sandbox.webhook_key import WebhookKey
from xmit_pipeline.sandbox.webhook_order import Outgoing, WebhookOrder

_KEPT = "events.json"


@dataclass(frozen=True, slots=True)
class Emitted:
    """What one call let happen, and how its posts went."""

    happened: Happened
    batches: Sent
    one_clicks: Sent

    def as_json(self) -> dict[str, Any]:
        """Counts in the form of the answer to `POST /_sandbox/events`."""
        return {
            "events": len(self.happened.events),
            "batches": asdict(self.batches),
            "oneClicks": asdict(self.one_clicks),
        }


class EventsDesk:
    """People, webhook and emission of one account.

    With a folder, the key pair lasts, and so does how far events were taken by the webhook: after a restart what
    came before is not posted again. `known` are the people by whom that past went, or None.
    """

    def __init__(self, mailbox: Mailbox, suppressions: SuppressionLists, folder: Path | None = None) -> None:
        self.known: PeopleOrder | None = None
        self.key = WebhookKey() if folder is None else WebhookKey.kept_in(folder)
        self._lock = Lock()
        self._folder = folder
        self._people: People | None = None
        self._webhook = WebhookOrder()
        self._emission = Emission(mailbox, suppressions)
        self._outgoing = Outgoing()
        self._courier = Courier(self.key)
        self._take_up_again()

    @property
    def people(self) -> PeopleOrder | None:
        """The people in force, or None."""
        return None if self._people is None else self._people.order

    @people.setter
    def people(self, order: PeopleOrder | None) -> None:
        """Put these people in force for mail that nobody has taken up yet."""
        with self._lock:
            self._people = None if order is None else People(order)

    @property
    def webhook(self) -> WebhookOrder:
        """Where batches go."""
        return self._webhook

    @webhook.setter
    def webhook(self, order: WebhookOrder) -> None:
        with self._lock:
            self._webhook = order

    def happen(self, until: float) -> Happened:
        """Let everything happen up to and with `until` (Unix seconds), and post nothing."""
        with self._lock:
            return Happened() if self._people is None else self._emission.happen(self._people, until)

    def batches(self, happened: Happened, until: float) -> list[bytes]:
        """The bodies to post for it, as the webhook's order has them: repeated, mixed, held back."""
        with self._lock:
            seed = 0 if self._people is None else self._people.order.seed
            return self._outgoing.batches(self._webhook, happened.events, seed, until)

    def emit(self, until: float) -> Emitted:
        """Let everything happen up to `until`, and post it; returns when all is taken or given up."""
        happened = self.happen(until)
        order = self._webhook
        sent = self._courier.events(order, self.batches(happened, until))
        wished = self._courier.one_clicks(order, happened.one_clicks)
        if (sent.given or wished.given) and not sent.lost and not wished.lost:
            self.keep(until)
        return Emitted(happened, sent, wished)

    def keep(self, until: float) -> None:
        """Note that all events up to `until` have arrived."""
        if self._folder is None or self._people is None:
            return
        kept = {"until": until, "people": self._people.order.model_dump()}
        fresh = self._folder / f"{_KEPT}.{os.getpid()}.new"
        fresh.write_bytes(orjson.dumps(kept))
        fresh.replace(self._folder / _KEPT)

    def past(self) -> Happened:
        """All that has happened: the truth that figures are compared with."""
        with self._lock:
            past = self._emission.past
            return Happened(list(past.events), list(past.one_clicks))

    def close(self) -> None:
        """Give up what is still being posted."""
        self._courier.close()

    def _take_up_again(self) -> None:
        if self._folder is None or not (self._folder / _KEPT).exists():
            return
        try:
            kept = orjson.loads((self._folder / _KEPT).read_bytes())
            people, until = People(PeopleOrder(**kept["people"])), float(kept["until"])
        except (orjson.JSONDecodeError, ValidationError, KeyError, TypeError, ValueError):
            return
        self._emission.happen(people, until)
        self.known = people.order


def kind_of(event: JsonObject) -> str:
    """An event's kind, with `blocked` and `machine_open` apart from `bounce` and `open`."""
    if event.get("type") == "blocked":
        return "blocked"
    return "machine_open" if event.get("sg_machine_open") else event["event"]


def totals(events: Sequence[JsonObject], one_clicks: int) -> dict[str, int]:
    """How many of each kind, and `one_click` for the wishes posted to links."""
    counted = Counter(kind_of(event) for event in events)
    return dict(sorted((counted + Counter(one_click=one_clicks)).items()))
