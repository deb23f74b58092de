"""What SendGrid says of mail that a test has sent: entries, bodies, and the tick's work on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from tests.campaigns import START, World
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.engagement import fold_engagement
from xmit_pipeline.store.event_consequences import apply_consequences
from xmit_pipeline.store.event_files import keep_body
from xmit_pipeline.store.events import FoldReport, fold_events
from xmit_pipeline.store.health import pause_critical
from xmit_pipeline.store.metrics import refresh_step_metrics, step_stats, unequal_step_metrics

Entry = dict[str, Any]
FACTS = {
    "events": """
        SELECT sg_event_id, kind, message_id, request_id, email, happened_at, raw, effect, suppresses, url
        FROM event ORDER BY ALL
    """,
    "feedback": "SELECT * FROM message_feedback ORDER BY ALL",
    "metrics": "SELECT * FROM step_metric ORDER BY ALL",
    "suppressions": "SELECT email, reason, source, expires_at, lifted_at FROM suppression ORDER BY ALL",
    "contacts": "SELECT id, email, status FROM contact ORDER BY ALL",
    "enrollments": "SELECT id, status, exit_reason, exit_event_at, step_id, due_at FROM enrollment ORDER BY ALL",
    "messages": "SELECT id, state, reason, email, sent_at FROM message WHERE request_id IS NOT NULL ORDER BY ALL",
    "engagement": "SELECT * FROM contact_engagement ORDER BY ALL",
    "asked": "SELECT * FROM event_consequence",
}
"""The whole store as far as events reach, but for the times at which it learned of them."""


@dataclass
class Feed:
    """Verbs over a world in which mail was sent."""

    world: World
    numbers: int = 0

    def sent(self) -> list[dict[str, Any]]:
        """Messages that went out, in order of their address."""
        return self.world.rows("SELECT * FROM message WHERE state = 'sent' ORDER BY email, step_id, id")

    def entry(
        self, kind: str, message: dict[str, Any] | None = None, *, after: float = 60, **fields: Any
    ) -> Entry:
        """One entry as SendGrid posts it, so many seconds after START; a field given as None is left out."""
        self.numbers += 1
        entry: Entry = {
            "event": kind,
            "timestamp": int((START + timedelta(seconds=after)).timestamp()),
            "sg_event_id": f"event-{self.numbers}",
            "sg_message_id": f"sg-{message['id'] if message else self.numbers}.recvd-1",
        }
        if message:
            entry |= {
                "email": message["email"],
                "xmit_message": public_id(Kind.MESSAGE, message["id"]),
                "xmit_request": public_id(Kind.REQUEST, message["request_id"]),
            }
        return {name: value for name, value in (entry | fields).items() if value is not None}

    def land(self, *entries: Entry | object) -> None:
        """One webhook body with these entries."""
        keep_body(self.world.settings.home, orjson.dumps(list(entries)))

    def fold(self, now: datetime = START + timedelta(hours=1)) -> FoldReport:
        """What a tick does with what has landed."""
        world = self.world
        report = fold_events(world.store, world.settings, now)
        apply_consequences(world.store, now, soft_bounce_limit=world.settings.soft_bounce_limit)
        with world.store.transaction() as connection:
            pause_critical(connection, now)
        refresh_step_metrics(world.store, "fold", now)
        fold_engagement(world.store)
        return report

    def told(self, *entries: Entry | object, now: datetime = START + timedelta(hours=1)) -> FoldReport:
        """Land them in one body, and fold it."""
        self.land(*entries)
        return self.fold(now)

    def figures(self, sequence_id: UUID, step: int = 0, now: datetime = START) -> dict[str, Any]:
        """A step's figures."""
        with self.world.store.snapshot() as connection:
            return step_stats(connection, sequence_id, now)[step]

    def facts(self) -> dict[str, list[dict[str, Any]]]:
        """Everything in the store that events may change, for comparing."""
        return {name: self.world.rows(query) for name, query in FACTS.items()}

    def unequal(self) -> int:
        """Rows of step_metric that a rebuild would not have."""
        with self.world.store.snapshot() as connection:
            return unequal_step_metrics(connection)

    def statuses(self) -> dict[str, tuple[str, str | None, str]]:
        """By address: the enrollment's status and exit reason, and the contact's status."""
        rows = self.world.rows(
            "SELECT contact.email, enrollment.status, exit_reason, contact.status AS standing "
            "FROM enrollment JOIN contact ON contact.id = enrollment.contact_id"
        )
        return {row["email"]: (row["status"], row["exit_reason"], row["standing"]) for row in rows}


def campaign(world: World, people: int = 4, delays: Sequence[int] = (0, 1), **domain: Any) -> UUID:
    """A sequence whose first step went to everybody at START; answers its id."""
    world.domain(**domain)
    sequence_id = world.sequence(delays)
    world.enroll(sequence_id, world.people(people))
    world.tick(START)
    return sequence_id
