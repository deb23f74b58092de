"""The frontier: everyone active whose time has come, and who of them may go now (SPEC 4).

It only chooses. Writing the choice down is the outbox's.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.model.warmup import OVERDUE_AFTER
from xmit_pipeline.store.connection import Connection, frame, offered, rows_as_dicts
from xmit_pipeline.store.contact_gap import (
    NOT_LATELY_MAILED,
    kept_apart,
    leave_out_lately_mailed,
    pick_each_once,
)
from xmit_pipeline.store.due_counts import anybody_due, due_condition, stage_contested
from xmit_pipeline.store.ticks import last_tick
from xmit_pipeline.store.warmup import DomainDay, capacity, domain_days, turn_waits

STEP_SENDERS = """
CREATE OR REPLACE TEMP TABLE step_sender AS
SELECT
    step.id AS step_id,
    sequence.id AS sequence_id,
    sequence.priority,
    sender.id AS sender_id,
    domain.id AS domain_id,
    coalesce(sender.held_at IS NULL AND sender.verified AND domain.verified, false) AS usable,
    CASE
        WHEN sequence.status <> 'active' THEN 'sequence_' || sequence.status
        WHEN step.held_at IS NOT NULL THEN 'step_held'
        WHEN NOT usable THEN 'sender_unusable'
        WHEN domain.warmup_state = 'paused' THEN 'warmup_paused'
    END AS wall,
    CASE WHEN sequence.status = 'active' AND step.held_at IS NULL AND sender.held_at IS NOT NULL
        AND sender.verified AND domain.verified AND domain.warmup_state <> 'paused' THEN sender.probe_at
    END AS probe_at
FROM step
JOIN sequence ON sequence.id = step.sequence_id
LEFT JOIN sender
    ON sender.id = coalesce(step.sender_id, sequence.sender_id,
        (SELECT any_value(id) FROM sender WHERE is_default AND deleted_at IS NULL))
    AND sender.deleted_at IS NULL
LEFT JOIN domain ON domain.id = sender.domain_id
WHERE step.deleted_at IS NULL
"""
"""One row a live step: who sends it over which domain, whether that may be used, and the wall it stands
before, if any. `probe_at`: from when one message may try a held sender again (SPEC 6.5).
"""

DUE = """
CREATE OR REPLACE TEMP TABLE due AS
SELECT id AS enrollment_id, sequence_id, step_id, contact_id, due_at, message_id, last_step_id,
    due_at < $overdue_before::TIMESTAMPTZ AS overdue, 0::BIGINT AS ahead
FROM enrollment
WHERE status = 'active' AND due_at <= $now AND (not_before IS NULL OR not_before <= $now)
"""

SERVED_BY_THIS_TICK = """
DELETE FROM due USING message, request
WHERE request.tick_id = $tick_id AND message.request_id = request.id
  AND message.enrollment_id = due.enrollment_id AND message.step_id = due.last_step_id
"""
"""A delay of 0 means the next tick (SPEC 2): whose last step went in this one is not due in it again."""

PICK = """
CREATE OR REPLACE TEMP TABLE picked AS
WITH trying AS (
    SELECT arg_min(due.enrollment_id, (due.due_at, due.enrollment_id)) AS enrollment_id
    FROM step_sender JOIN due ON due.step_id = step_sender.step_id
    WHERE step_sender.wall IS NOT NULL AND step_sender.probe_at <= $now
    GROUP BY step_sender.sender_id
),
taking_turns AS (
    SELECT due.*, step_sender.priority, step_sender.sender_id, step_sender.domain_id,
        step_sender.wall IS NOT NULL AS probe, capacity.day_limit, capacity.room, capacity.backlog_room,
        due.ahead + row_number() OVER (PARTITION BY due.sequence_id ORDER BY due.due_at, due.enrollment_id) AS turn
    FROM due
    JOIN step_sender ON step_sender.step_id = due.step_id
        AND (step_sender.wall IS NULL OR step_sender.probe_at <= $now)
    JOIN capacity ON capacity.domain_id::UUID = step_sender.domain_id
    WHERE (capacity.room IS NULL OR capacity.room > 0)
      AND (step_sender.wall IS NULL OR due.enrollment_id IN (SELECT enrollment_id FROM trying))
),
within_pace AS (
    SELECT * FROM taking_turns
    QUALIFY backlog_room IS NULL OR NOT overdue OR backlog_room >= row_number() OVER (
        PARTITION BY domain_id, overdue ORDER BY priority, turn, due_at, enrollment_id)
),
within_room AS (
    SELECT * FROM within_pace
    QUALIFY room IS NULL
        OR room >= row_number() OVER (PARTITION BY domain_id ORDER BY priority, turn, due_at, enrollment_id)
)
SELECT enrollment_id, sequence_id, step_id, contact_id, due_at, message_id, overdue, sender_id, domain_id,
    day_limit, priority, turn, probe
FROM within_room
ORDER BY priority, turn, due_at, enrollment_id
LIMIT $limit
"""

NOBODY_PICKED = "CREATE OR REPLACE TEMP TABLE picked (enrollment_id UUID)"

STILL_DUE = """
CREATE OR REPLACE TEMP TABLE due AS
SELECT enrollment.id AS enrollment_id, enrollment.sequence_id, enrollment.step_id, enrollment.contact_id,
    enrollment.due_at, enrollment.message_id, enrollment.due_at < $overdue_before::TIMESTAMPTZ AS overdue,
    0::BIGINT AS ahead
FROM planned
JOIN enrollment ON enrollment.id = planned.enrollment_id::UUID
WHERE enrollment.status = 'active' AND enrollment.due_at <= $now
  AND (enrollment.not_before IS NULL OR enrollment.not_before <= $now)
"""

GROUPS = """
SELECT waiting.sequence_id, waiting.step_id, step_sender.domain_id, step_sender.wall, step.name AS step_name,
    waiting.due,
    CASE WHEN step_sender.wall IS NULL AND step_sender.domain_id NOT IN (FROM contested) THEN 0
        ELSE waiting.due - coalesce(going.people, 0) END AS deferred,
    waiting.oldest_due_at
FROM (
    SELECT sequence_id, step_id, sum(due)::BIGINT AS due, min(oldest_due_at) AS oldest_due_at
    FROM due_count GROUP BY sequence_id, step_id
) AS waiting
JOIN step ON step.id = waiting.step_id
LEFT JOIN step_sender ON step_sender.step_id = waiting.step_id
LEFT JOIN (SELECT step_id, count(*) AS people FROM picked GROUP BY step_id) AS going
    ON going.step_id = waiting.step_id
ORDER BY waiting.oldest_due_at, waiting.sequence_id, waiting.step_id
"""

LOOK = """
SELECT
    EXISTS (SELECT 1 FROM enrollment
            WHERE status = 'active' AND due_at <= $now AND (not_before IS NULL OR not_before <= $now)) AS due,
    EXISTS (SELECT 1 FROM request WHERE state IN ('claimed', 'inflight')) AS open_requests,
    EXISTS (SELECT 1 FROM sequence
            WHERE existing_after IS NOT NULL AND status = 'active' AND deleted_at IS NULL) AS members,
    EXISTS (SELECT 1 FROM request WHERE state = 'unknown' AND decided IS NULL
            AND coalesce(looked_up_at, posted_at) <= $now::TIMESTAMPTZ - INTERVAL 1 HOUR) AS unknown,
    EXISTS (SELECT 1 FROM circuit WHERE closed_at IS NULL AND probe_at > $now) AS stopped,
    EXISTS (SELECT 1 FROM suppression WHERE lifted_at IS NULL AND expires_at <= $now) AS expired
"""

WORTH_A_TICK = """
SELECT
    coalesce(bool_or(waiting.any_free AND (step_sender.wall IS NULL OR step_sender.probe_at <= $now)
        AND coalesce(capacity.room, 1) > 0
        AND (coalesce(capacity.backlog_room, 1) > 0 OR NOT waiting.all_overdue)), false) AS can_go,
    coalesce(bool_or(CASE
        WHEN step_sender.wall IS NOT NULL THEN step.walled_at IS NULL
        ELSE step.open_at IS NULL
            OR epoch_us($now) - epoch_us(step.open_at) > sequence.resume_window_minutes::BIGINT * 30000000
    END), false) AS unnoted
FROM (
    SELECT step_id, bool_or({free}) AS any_free,
        bool_and(due_at < $overdue_before::TIMESTAMPTZ) FILTER ({free}) AS all_overdue
    FROM enrollment
    WHERE status = 'active' AND due_at <= $now AND (not_before IS NULL OR not_before <= $now)
    GROUP BY step_id
) AS waiting
JOIN step ON step.id = waiting.step_id
JOIN sequence ON sequence.id = step.sequence_id AND sequence.status = 'active'
JOIN step_sender ON step_sender.step_id = step.id
LEFT JOIN capacity ON capacity.domain_id::UUID = step_sender.domain_id
"""
"""Whether somebody due may go; and, where nobody may, whether the spread lacks a tick's note of it: one for a
wall, and for a limit one in each half of the resume window, or the wait would look like downtime. `free`: nobody
mailed less than the contact gap ago.
"""


NO_LIMIT = 2**62
NO_GAP = timedelta()


@dataclass(frozen=True, slots=True)
class DueGroup:
    """Everyone due on one step: how many, how many of them can't go now, and the wall those stand before.

    `domain_id` is None where no domain would send it. `frees_at` is the earliest time at which the wall may give way;
    None where that takes a person (SPEC 4).
    """

    sequence_id: UUID
    step_id: UUID
    step_name: str
    domain_id: UUID | None
    due: int
    deferred: int
    oldest_due_at: datetime
    wall: str | None
    frees_at: datetime | None


def plan(connection: Connection, now: datetime, limit: int, gap: timedelta = NO_GAP) -> pl.DataFrame:
    """Up to `limit` of those due, in the order of SPEC 4: `enrollment_id` (UUID text), a row a person.

    Priority classes strictly; inside one, sequences take places in turn; inside a sequence the longest overdue,
    then id. Never more than what is left of a domain's day; of that, a backlog only its paced share. Two mails to
    one person keep `gap` apart. A plan promises nothing: `choose` asks again, in the transaction that claims.
    """
    _mark_due(connection, now)
    leave_out_lately_mailed(connection, now, gap)
    if connection.execute("FROM due LIMIT 1").fetchone():
        _choose(connection, now, domain_days(connection, now), limit)
        pick_each_once(connection, gap)
    else:
        connection.execute(NOBODY_PICKED)
    return frame(connection, "SELECT enrollment_id FROM picked")


def choose(connection: Connection, now: datetime, planned: pl.DataFrame, gap: timedelta = NO_GAP) -> None:
    """Whoever of a plan's slice is still due and still fits, into the temporary table `picked`."""
    with offered(connection, "planned", planned):
        connection.execute(STILL_DUE, {"now": now, "overdue_before": now - OVERDUE_AFTER})
    leave_out_lately_mailed(connection, now, gap)
    _choose(connection, now, domain_days(connection, now), planned.height)
    pick_each_once(connection, gap)


def due_groups(connection: Connection, now: datetime, gap: timedelta = NO_GAP) -> list[DueGroup]:
    """Who is due at `now`, by step, and who of them must wait and for what; counted, never stored."""
    is_due = due_condition(connection)
    if not anybody_due(connection, now, is_due):
        return []
    days = domain_days(connection, now)
    connection.execute(STEP_SENDERS)
    with offered(connection, "capacity", capacity(days)):
        stage_contested(connection, now, is_due)
        connection.execute(PICK, {"now": now, "limit": NO_LIMIT})
    by_domain = {day.domain_id: day for day in days}
    groups = [_group(row, by_domain, now) for row in rows_as_dicts(connection, GROUPS)]
    apart = kept_apart(connection, now, gap)
    return [
        _kept_apart(group, *apart[group.step_id]) if group.step_id in apart else group for group in groups
    ]


def look(connection: Connection, now: datetime, gap: timedelta = NO_GAP) -> str | None:
    """Why a tick is wanted, in a word, or None where nothing is: cheap, read only (DESIGN 6)."""
    [seen] = rows_as_dicts(connection, LOOK, {"now": now})
    reasons = {
        "requests of an earlier tick to settle": seen["open_requests"],
        "members of a list to enroll": seen["members"],
        "requests of unknown fate to look up": seen["unknown"],
        "suppressions that have run out": seen["expired"],
    }
    reason = next((reason for reason, wanted in reasons.items() if wanted), None)
    worth_it = seen["due"] and not seen["stopped"]
    return reason or (_why_due_is_worth_it(connection, now, gap) if worth_it else None)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """The earliest due time after a moment: where simulated time jumps to."""
    row = connection.execute(
        """
        SELECT min(greatest(due_at, coalesce(not_before, due_at))) FROM enrollment
        WHERE status = 'active' AND greatest(due_at, coalesce(not_before, due_at)) > $after
        """,
        {"after": after},
    ).fetchone()
    return row[0] if row else None


def _why_due_is_worth_it(connection: Connection, now: datetime, gap: timedelta) -> str | None:
    """None where everybody due waits for a wall or a place, and a tick could do nothing about it."""
    if turn_waits(connection, now):
        return "a warmup that is complete"
    connection.execute(STEP_SENDERS)
    with offered(connection, "capacity", capacity(domain_days(connection, now))):
        parameters = {"now": now, "overdue_before": now - OVERDUE_AFTER}
        if gap:
            parameters["since"] = now - gap
        worth_a_tick = WORTH_A_TICK.format(free=NOT_LATELY_MAILED if gap else "true")
        can_go, unnoted = connection.execute(worth_a_tick, parameters).fetchone() or (False, False)
    return "mail is due" if can_go else "mail that waits, to be noted" if unnoted else None


def _mark_due(connection: Connection, now: datetime) -> None:
    connection.execute(DUE, {"now": now, "overdue_before": now - OVERDUE_AFTER})
    tick = last_tick(connection)
    if tick and tick["finished_at"] is None:
        connection.execute(SERVED_BY_THIS_TICK, {"tick_id": tick["id"]})


def _choose(connection: Connection, now: datetime, days: list[DomainDay], limit: int) -> None:
    connection.execute(STEP_SENDERS)
    with offered(connection, "capacity", capacity(days)):
        connection.execute(PICK, {"now": now, "limit": limit})


def _kept_apart(group: DueGroup, people: int, frees_at: datetime | None) -> DueGroup:
    """A step that stands before no other wall, with those who wait for their gap."""
    if group.wall is not None:
        return group
    return replace(group, deferred=min(people, group.due), wall="contact_gap", frees_at=frees_at)


def _group(row: dict[str, Any], days: dict[UUID, DomainDay], now: datetime) -> DueGroup:
    wall, frees_at = row["wall"], None
    if wall is None and row["deferred"]:
        day = days[row["domain_id"]]
        wall = "warmup_pace" if day.left and day.pacing else "warmup_day"
        frees_at = day.frees_at(now)
    return DueGroup(
        sequence_id=row["sequence_id"],
        step_id=row["step_id"],
        step_name=row["step_name"],
        domain_id=row["domain_id"],
        due=row["due"],
        deferred=row["deferred"],
        oldest_due_at=row["oldest_due_at"],
        wall=wall,
        frees_at=frees_at,
    )
