"""Verbs about one person and one list, each in one transaction."""

from datetime import datetime, timedelta
from uuid import UUID

import polars as pl

from tests.campaigns import START, World
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import contact_rows, lists, suppressions

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ADDRESS = "person0@example.net"


def join(world: World, list_id: UUID, *people: UUID, now: datetime = START) -> int:
    """How many the list's sequences enrolled."""
    with world.store.transaction() as connection:
        _, result = lists.add_contacts(connection, list_id, [*people], now)
    return result.enrolled


def leave(world: World, list_id: UUID, *people: UUID, now: datetime = START) -> None:
    with world.store.transaction() as connection:
        lists.remove_contacts(connection, list_id, [*people], now)


def suppress(world: World, reason: SuppressionReason, days: int | None = None) -> UUID:
    """Of the one address, from START on."""
    expires_at = START + days * DAY if days else None
    with world.store.transaction() as connection:
        return suppressions.suppress(connection, ADDRESS, reason, START, source="test", expires_at=expires_at)


def bring_in(world: World, list_id: UUID | None, *, status: str | None = None) -> int:
    """An import of the one address, a day after START; how many contacts it made."""
    row = (1, ADDRESS, None, None, None, status, "{}")
    frame = pl.DataFrame([row], schema=contact_rows.STAGED_COLUMNS, orient="row")
    with world.store.transaction() as connection:
        return contact_rows.take_in(connection, frame, list_id, START + DAY)


def outcome(world: World) -> list[tuple[str, str | None]]:
    """Status and exit reason of every enrollment, oldest first."""
    rows = world.rows("SELECT status, exit_reason FROM enrollment ORDER BY enrolled_at, id")
    return [(row["status"], row["exit_reason"]) for row in rows]


def contact_status(world: World) -> str:
    """Of the only contact."""
    [row] = world.rows("SELECT status FROM contact")
    return row["status"]
