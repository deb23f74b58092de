"""Sequences as the dashboard lists them, and what a deed would do to the people in one; it changes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.lifecycle import EnrollmentStatus
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.keyset import Cut, Mark, cut_rows
from xmit_pipeline.store.metrics import deferred_by_warmup

FOUND = """
SELECT id, created_at AS at FROM sequence
WHERE deleted_at IS NULL
  AND ($status::VARCHAR IS NULL OR status = $status)
  AND ($q::VARCHAR IS NULL OR contains(lower(name), lower($q)))
"""

SHOWN = """
SELECT sequence.*, list.name AS list_name, coalesce(written.steps, 0) AS steps, coalesce(written.held, 0) AS held,
    coalesce(today.sent, 0) AS sent_today
FROM shown
JOIN sequence ON sequence.id = shown.id
LEFT JOIN list ON list.id = sequence.trigger_list_id
LEFT JOIN (
    SELECT sequence_id, count(*) AS steps, count(held_at) AS held FROM step
    WHERE deleted_at IS NULL GROUP BY sequence_id
) AS written ON written.sequence_id = sequence.id
LEFT JOIN (
    SELECT sequence_id, count(*) AS sent FROM message
    WHERE state = 'sent' AND sent_at >= $midnight::TIMESTAMPTZ AND sent_at < $midnight::TIMESTAMPTZ + INTERVAL 24 HOURS
    GROUP BY sequence_id
) AS today ON today.sequence_id = sequence.id
"""

BY_STATUS = "SELECT sequence_id, status, count(*) FROM enrollment GROUP BY ALL"
"""Of all sequences at once: cheaper than joining the page's."""

PEOPLE = """
SELECT
    count(*) FILTER (status = 'active') AS active,
    count(*) FILTER (status = 'paused') AS paused,
    count(*) FILTER (status = 'active' AND due_at IS NULL) AS going_out,
    count(*) FILTER (status = 'paused' AND due_at <= $now) AS past_due,
    count(*) AS ever
FROM enrollment WHERE sequence_id = $id
"""

ON_STEP = """
SELECT count(*) FROM enrollment
WHERE sequence_id = $id AND step_id = $step_id AND status IN ('active', 'paused')
"""


NOBODY = dict.fromkeys(map(str, EnrollmentStatus), 0)


@dataclass(frozen=True, slots=True)
class People:
    """How many of a sequence's people a deed would touch.

    `going_out`: their message is claimed or unknown; `past_due`: paused, and their time came meanwhile; `ever`: all.
    """

    active: int
    paused: int
    going_out: int
    past_due: int
    ever: int


def sequences_cut(
    connection: Connection, now: datetime, *, q: str | None, status: str | None, mark: Mark | None
) -> Cut:
    """A page of sequences with their people by status, `steps`, `held` steps, `sent_today` and `warmup_deferred`."""
    parameters = {"q": q, "status": status, "midnight": f"{utc_day(now).isoformat()} 00:00:00+00"}
    cut = cut_rows(connection, FOUND, SHOWN, parameters, mark)
    if not cut.rows:
        return cut
    waiting, people = warmup_deferred(connection, now), _people_by_status(connection)
    for row in cut.rows:
        row["warmup_deferred"] = waiting.get(row["id"], 0)
        row.update(people.get(row["id"], NOBODY))
    return cut


def warmup_deferred(connection: Connection, now: datetime) -> dict[UUID, int]:
    """How many of each sequence are due and wait for a place in a warmup day."""
    found: dict[UUID, int] = {}
    for group in deferred_by_warmup(connection, now):
        found[group.sequence_id] = found.get(group.sequence_id, 0) + group.deferred
    return found


def people_of(connection: Connection, sequence_id: UUID, now: datetime) -> People:
    """Whom pausing, resuming or archiving would touch."""
    asked: dict[str, Any] = {"id": sequence_id, "now": now}
    return People(*(connection.execute(PEOPLE, asked).fetchone() or (0, 0, 0, 0, 0)))


def waiting_for_step(connection: Connection, sequence_id: UUID, step_id: UUID) -> int:
    """How many wait for this step, or have its message open."""
    (waiting,) = connection.execute(ON_STEP, {"id": sequence_id, "step_id": step_id}).fetchone() or (0,)
    return waiting


def _people_by_status(connection: Connection) -> dict[UUID, dict[str, int]]:
    found: dict[UUID, dict[str, int]] = {}
    for sequence_id, status, people in connection.execute(BY_STATUS).fetchall():
        found.setdefault(sequence_id, dict(NOBODY))[status] = people
    return found
