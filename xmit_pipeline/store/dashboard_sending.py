"""What the sending pages ask: who waits by domain, and how much a domain has sent on which day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.frontier import DueGroup
from xmit_pipeline.store.warmup import DomainDay, curve_of

SHOWN_BEFORE = 14
SHOWN_AHEAD = 6
"""Days of a domain's curve that are shown before today and from today on: a curve's end would dwarf its beginning."""

LEAST_BEFORE = 6
"""Days before today that are shown also where nothing happened on them."""

DAYS = """
SELECT quota_day, sum(size) FILTER (state IN ('claimed', 'inflight', 'accepted', 'unknown'))::BIGINT AS used,
    max(day_limit) AS day_limit
FROM request
WHERE domain_id = $id AND quota_day >= $since
GROUP BY quota_day
"""

SENDERS = """
SELECT sender.*, domain.name AS domain_name
FROM sender LEFT JOIN domain ON domain.id = sender.domain_id
WHERE sender.deleted_at IS NULL
ORDER BY sender.created_at, sender.id
"""

BY_DEFAULT = """
SELECT name FROM sequence
WHERE status = 'active' AND deleted_at IS NULL AND sender_id IS NULL AND EXISTS (
    FROM step WHERE step.sequence_id = sequence.id AND step.deleted_at IS NULL AND step.sender_id IS NULL)
ORDER BY created_at, id
"""


@dataclass(frozen=True, slots=True)
class CurveDay:
    """One day of a domain: its limit, as a claim saw it or as the curve has it, None for none; and the places taken."""

    day: date
    limit: int | None
    used: int


def waiting_by_domain(groups: Iterable[DueGroup]) -> dict[UUID, int]:
    """Who of those due must wait, by the domain that would send it."""
    waiting: dict[UUID, int] = {}
    for group in groups:
        if group.domain_id is not None:
            waiting[group.domain_id] = waiting.get(group.domain_id, 0) + group.deferred
    return waiting


def senders_with_domains(connection: Connection) -> list[dict[str, Any]]:
    """All senders, oldest first, with `domain_name`."""
    return rows_as_dicts(connection, SENDERS)


def sending_by_default(connection: Connection) -> list[str]:
    """The names of active sequences of which some step goes out by the default sender, oldest first."""
    return [name for (name,) in connection.execute(BY_DEFAULT).fetchall()]


def curve_days(
    connection: Connection, row: dict[str, Any], today: DomainDay, now: datetime
) -> list[CurveDay]:
    """The last two weeks of a domain, and the days to come as its curve has them; `row` is the domain's own.

    They begin with the first of which there is anything to show. A warmup that is off or done has no limits ahead, and
    a paused one stands still: their days end with today.
    """
    first = utc_day(now) - timedelta(days=SHOWN_BEFORE)
    known = {
        each["quota_day"]: each for each in rows_as_dicts(connection, DAYS, {"id": row["id"], "since": first})
    }
    curve = curve_of(row)
    days: list[CurveDay] = []
    warms = today.state is WarmupState.ACTIVE
    for place in range(SHOWN_BEFORE + (SHOWN_AHEAD if warms else 1)):
        day = first + timedelta(days=place)
        seen, ahead = known.get(day, {}), place - SHOWN_BEFORE
        limit = seen.get("day_limit")
        if ahead >= 0:
            limit = curve.limit(today.day + ahead) if warms else None
        days.append(CurveDay(day, limit, seen.get("used") or 0))
    begun = next((place for place, day in enumerate(days) if day.used or day.limit), SHOWN_BEFORE)
    return days[min(begun, SHOWN_BEFORE - LEAST_BEFORE) :]
