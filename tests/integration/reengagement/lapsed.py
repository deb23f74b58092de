"""People with a past: contacts made long ago, and events that say when they last opened or clicked."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from tests.campaigns import World
from xmit_pipeline.store.cohorts import CohortEnrolled, Silence, enroll_cohort
from xmit_pipeline.store.connection import offered

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MONTH = date(2025, 6, 1)
IN_MONTH = datetime(2025, 6, 15, 12, 0, tzinfo=UTC)

WRITE_EVENTS = """
INSERT INTO event (sg_event_id, kind, message_id, email, happened_at, folded_at, raw, identity, effect, machine)
SELECT uuidv7()::VARCHAR, kind, NULL, email, happened_at, $now, '{}', hash(email || kind || happened_at::VARCHAR),
    effect, machine
FROM told
"""

EFFECTS = {"open": "opened", "click": "clicked", "delivered": "delivered"}


def lapsed(
    world: World, count: int, *, prefix: str = "quiet", at: datetime = IN_MONTH, **fields: Any
) -> list[UUID]:
    """So many contacts who came at a moment and never did anything since."""
    rows = [{"email": f"{prefix}{number}@example.net", **fields} for number in range(count)]
    return world.contacts(rows, now=at)


def tell(
    world: World,
    kind: str,
    emails: Sequence[str],
    at: datetime,
    *,
    machine: bool = False,
    now: datetime = NOW,
) -> None:
    """Events of mail that another system sent: they name an address and no message of ours."""
    rows = {
        "email": list(emails),
        "kind": [kind] * len(emails),
        "effect": [EFFECTS[kind]] * len(emails),
        "machine": [machine] * len(emails),
        "happened_at": [at] * len(emails),
    }
    frame = pl.DataFrame(rows, schema_overrides={"happened_at": pl.Datetime("us", "UTC")})
    with world.store.transaction() as connection, offered(connection, "told", frame):
        connection.execute(WRITE_EVENTS, {"now": now})


def run(
    world: World,
    sequence_id: UUID,
    month: date = MONTH,
    now: datetime = NOW,
    *,
    dry_run: bool = False,
    **silence: Any,
) -> CohortEnrolled:
    """One partition, by the plain function that the asset calls."""
    return enroll_cohort(world.store, sequence_id, month, now, Silence(**silence), dry_run=dry_run)


def enrolled(world: World, sequence_id: UUID) -> set[str]:
    """The addresses of everybody ever enrolled."""
    rows = world.rows(
        "SELECT contact.email FROM enrollment JOIN contact ON contact.id = enrollment.contact_id "
        "WHERE enrollment.sequence_id = $id",
        id=sequence_id,
    )
    return {row["email"] for row in rows}


def months(first: date, count: int) -> list[date]:
    """So many months in a row."""
    found = [first]
    while len(found) < count:
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found
