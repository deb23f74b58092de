"""What takes the store longer than a page may: who waits and for what, health, missing events.

It is looked at in the background, for all visitors at once, and shown with its age.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request

from xmit_pipeline.api.glance import Glance
from xmit_pipeline.api.health import Pulse, felt
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.health import Health
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.dashboard_sending import waiting_by_domain
from xmit_pipeline.store.findings import Finding, event_findings
from xmit_pipeline.store.frontier import DueGroup, due_groups
from xmit_pipeline.store.health import domain_health
from xmit_pipeline.store.ticks import last_tick
from xmit_pipeline.store.vitals import read_frontier

KEEP_SECONDS = 5.0
WAIT_SECONDS = 0.1
"""A page does not wait longer; it shows what was seen before, or says that it is being counted."""
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """As it was at `at`: everyone due, by step; who of them waits, by domain; what `pulse` says, `/readyz` says too."""

    at: datetime
    groups: list[DueGroup]
    waiting: dict[UUID, int]
    health: dict[UUID, Health]
    events: list[Finding]
    pulse: Pulse


def outlook_of(store: EmbeddedStore, settings: Settings, clock: Clock) -> Glance[Outlook]:
    """The look that all visitors share."""

    def look() -> Outlook:
        with store.snapshot(PATIENCE_SECONDS) as connection:
            now = clock.now()
            groups = due_groups(connection, now, settings.contact_gap)
            waiting = waiting_by_domain(groups)
            frontier, tick = read_frontier(connection, now, groups), last_tick(connection)
            health, events = domain_health(connection, now), list(event_findings(connection, now))
        return Outlook(now, groups, waiting, health, events, felt(now, frontier, tick, settings))

    return Glance(look, keep_seconds=KEEP_SECONDS, wait_seconds=WAIT_SECONDS)


async def _outlook(request: Request) -> Outlook | None:
    glance = cast(Glance[Outlook], request.app.state.outlook)
    return (await glance.take()).seen


AtOutlook = Annotated[Outlook | None, Depends(_outlook)]
"""What was seen last; None while nothing was."""
