"""A world whose webhooks may go to this machine, and a receiver for them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from tests.campaigns import START, World
from tests.integration.outgoing.receiver import Receiver, running_receiver
from xmit_pipeline.delivery.outgoing_webhooks import OutgoingReport, deliver_webhooks
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.webhooks import WebhookType
from xmit_pipeline.store.webhooks import add_endpoint


@dataclass
class Hooks:
    """Verbs of a test about webhooks."""

    world: World
    secrets: dict[UUID, str]

    def add(self, url: str, *events: WebhookType, now: datetime = START, enabled: bool = True) -> UUID:
        """An endpoint that wants these types, all where none is named."""
        wanted: Collection[WebhookType] = events or tuple(WebhookType)
        with self.world.store.transaction() as connection:
            endpoint_id, secret = add_endpoint(connection, now, url=url, events=wanted, enabled=enabled)
        self.secrets[endpoint_id] = secret
        return endpoint_id

    def pass_at(self, now: datetime, **budget: Any) -> OutgoingReport:
        """One pass of the poster at this moment."""
        return deliver_webhooks(self.world.store, self.world.settings, FixedClock(now), **budget)

    def send(self, count: int, now: datetime = START, prefix: str = "person") -> UUID:
        """A sequence of one step, sent to so many people."""
        if not self.world.rows("SELECT 1 FROM domain"):
            self.world.domain()
        sequence_id = self.world.sequence(name=prefix, now=now)
        self.world.enroll(sequence_id, self.world.people(count, prefix=prefix, now=now), now)
        self.world.tick(now)
        return sequence_id

    def states(self) -> dict[str, int]:
        rows = self.world.rows("SELECT state, count(*) AS n FROM webhook_delivery GROUP BY state")
        return {row["state"]: row["n"] for row in rows}


@pytest.fixture
def hooks(world: World) -> Hooks:
    world.settings = replace(world.settings, webhooks_private=True)
    return Hooks(world, {})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running
