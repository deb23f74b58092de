"""How the whole is: what `/readyz` and `/metrics` ask of the store, one statement a question."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.census import contact_counts, enrollment_counts
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import DueGroup, due_groups
from xmit_pipeline.store.ticks import last_tick

OVERDUE = "SELECT coalesce(sum(due) FILTER (overdue), 0)::BIGINT FROM due_count"

MESSAGES_TODAY = """
SELECT state, count(*) FROM message
WHERE coalesce(sent_at, settled_at, created_at) >= $midnight::TIMESTAMPTZ
GROUP BY state ORDER BY state
"""

OPEN_UNKNOWN = "SELECT count(*) FROM message WHERE state = 'unknown'"


@dataclass(frozen=True, slots=True)
class Frontier:
    """Who is due: in all, more than an hour late, who of them waits by wall, and since when the oldest may go."""

    due: int
    overdue: int
    deferred: dict[str, int]
    oldest_free: datetime | None


@dataclass(frozen=True, slots=True)
class Vitals:
    """`tick`: the row of the last one, if there was any; the rest are counts by status or state."""

    frontier: Frontier
    tick: dict[str, Any] | None
    contacts: dict[str, int]
    enrollments: dict[str, int]
    messages_today: dict[str, int]
    open_unknown: int


def read_frontier(connection: Connection, now: datetime, groups: list[DueGroup] | None = None) -> Frontier:
    """Who is due and who of them waits for what; `groups` is what `due_groups` has just answered here, if it has."""
    groups = due_groups(connection, now) if groups is None else groups
    (overdue,) = connection.execute(OVERDUE).fetchone() or (0,)
    deferred: dict[str, int] = {}
    for group in groups:
        if group.deferred:
            deferred[group.wall or "none"] = deferred.get(group.wall or "none", 0) + group.deferred
    free = [group.oldest_due_at for group in groups if _some_may_go(group)]
    return Frontier(sum(group.due for group in groups), overdue, deferred, min(free, default=None))


def read_vitals(connection: Connection, now: datetime) -> Vitals:
    """All figures that `/metrics` shows of the store."""
    (open_unknown,) = connection.execute(OPEN_UNKNOWN).fetchone() or (0,)
    midnight = {"midnight": f"{utc_day(now).isoformat()} 00:00:00+00"}
    return Vitals(
        frontier=read_frontier(connection, now),
        tick=last_tick(connection),
        contacts=contact_counts(connection),
        enrollments=enrollment_counts(connection),
        messages_today=dict(connection.execute(MESSAGES_TODAY, midnight).fetchall()),
        open_unknown=open_unknown,
    )


def _some_may_go(group: DueGroup) -> bool:
    return group.due > group.deferred
