"""Who is due, as counts: only where a domain has too few places is it asked person by person (SPEC 4).

It reads `step_sender` and `capacity`, which the frontier has laid out, and leaves `due` for its `PICK`.
"""

from datetime import datetime

from xmit_pipeline.model.warmup import OVERDUE_AFTER
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.ticks import last_tick

SERVED = """
CREATE OR REPLACE TEMP TABLE served AS
SELECT message.enrollment_id, message.step_id
FROM request JOIN message ON message.request_id = request.id
WHERE request.tick_id = $tick_id
"""
"""A delay of 0 means the next tick (SPEC 2): whose last step went in this one is not due in it again."""

IS_DUE = """
enrollment.status = 'active' AND enrollment.due_at <= $now
AND (enrollment.not_before IS NULL OR enrollment.not_before <= $now)
"""

NOT_SERVED = """
AND NOT EXISTS (
    SELECT 1 FROM served
    WHERE served.enrollment_id = enrollment.id AND served.step_id = enrollment.last_step_id)
"""
"""Only while a tick runs: asked without need, it costs twice what all the rest does."""

DUE_COUNT = """
CREATE OR REPLACE TEMP TABLE due_count AS
SELECT sequence_id, step_id, due_at < $overdue_before::TIMESTAMPTZ AS overdue, count(*) AS due,
    min(due_at) AS oldest_due_at
FROM enrollment WHERE {is_due}
GROUP BY ALL
"""

CONTESTED = """
CREATE OR REPLACE TEMP TABLE contested AS
SELECT step_sender.domain_id
FROM due_count
JOIN step_sender ON step_sender.step_id = due_count.step_id
JOIN capacity ON capacity.domain_id::UUID = step_sender.domain_id
WHERE step_sender.wall IS NULL OR step_sender.probe_at <= $now
GROUP BY step_sender.domain_id
HAVING sum(CASE WHEN step_sender.wall IS NULL THEN due_count.due ELSE 1 END) > any_value(capacity.room)
    OR sum(CASE WHEN step_sender.wall IS NULL THEN due_count.due ELSE 1 END) FILTER (due_count.overdue)
        > any_value(capacity.backlog_room)
"""
"""Domains whose places do not suffice for everybody due; a held sender's probe is one message."""

IN_PLAY = """
CREATE OR REPLACE TEMP TABLE in_play AS
SELECT step_sender.sequence_id, step_sender.step_id,
    CASE
        WHEN step_sender.wall IS NOT NULL THEN 1
        WHEN contested.domain_id IS NOT NULL THEN capacity.room
        ELSE 0
    END AS most
FROM step_sender
JOIN capacity ON capacity.domain_id::UUID = step_sender.domain_id
LEFT JOIN contested ON contested.domain_id = step_sender.domain_id
WHERE (step_sender.wall IS NULL OR step_sender.probe_at <= $now) AND (capacity.room IS NULL OR capacity.room > 0)
QUALIFY max(most) OVER (PARTITION BY step_sender.sequence_id) > 0
"""
"""Steps that take part in the order of a contested domain; `most`: how many of a step could go at all."""

MINUTES = """
CREATE OR REPLACE TEMP TABLE due_minute AS
WITH of_step AS (
    SELECT enrollment.sequence_id, enrollment.step_id, enrollment.due_at, any_value(in_play.most) AS most,
        count(*) AS people
    FROM enrollment JOIN in_play ON in_play.step_id = enrollment.step_id
    WHERE {is_due}
    GROUP BY ALL
),
reached AS (
    SELECT *, people - sum(people) OVER (
        PARTITION BY step_id, due_at < $overdue_before::TIMESTAMPTZ ORDER BY due_at) + most > 0 AS wanted
    FROM of_step
),
of_sequence AS (
    SELECT sequence_id, due_at, bool_or(wanted) AS wanted, sum(people) AS people,
        CASE WHEN count(*) = 1 THEN least(sum(people), $most) ELSE sum(people) END AS first
    FROM reached GROUP BY sequence_id, due_at
)
SELECT *, sum(people - CASE WHEN wanted THEN first ELSE 0 END) OVER (PARTITION BY sequence_id ORDER BY due_at)
        - (people - CASE WHEN wanted THEN first ELSE 0 END) AS ahead
FROM of_sequence
QUALIFY wanted
"""
"""The due minutes that the places may reach, the first of each to look at, and how many before are left out."""

NEAREST = """
CREATE OR REPLACE TEMP TABLE due AS
WITH standing AS (
    SELECT enrollment.rowid AS place, enrollment.sequence_id, enrollment.due_at, enrollment.id
    FROM enrollment JOIN in_play ON in_play.step_id = enrollment.step_id
    WHERE {is_due}
),
front AS (
    SELECT place, sequence_id, due_at FROM standing
    SEMI JOIN (FROM due_minute WHERE first < people) AS crowded USING (sequence_id, due_at)
    QUALIFY row_number() OVER (PARTITION BY sequence_id, due_at ORDER BY id) <= $most
    UNION ALL
    SELECT place, sequence_id, due_at FROM standing
    SEMI JOIN (FROM due_minute WHERE first = people) AS small USING (sequence_id, due_at)
)
SELECT enrollment.id AS enrollment_id, enrollment.sequence_id, enrollment.step_id, enrollment.contact_id,
    enrollment.due_at, enrollment.message_id, enrollment.due_at < $overdue_before::TIMESTAMPTZ AS overdue,
    due_minute.ahead
FROM front
JOIN due_minute USING (sequence_id, due_at)
JOIN enrollment ON enrollment.rowid = front.place
"""
"""A crowd due in one minute is cut to its front; a constant there is what makes DuckDB keep only the top."""


def due_condition(connection: Connection) -> str:
    """Who is due, as a condition on `enrollment`; while a tick runs, nobody whom it has served already."""
    tick = last_tick(connection)
    if tick is None or tick["finished_at"] is not None:
        return IS_DUE
    connection.execute(SERVED, {"tick_id": tick["id"]})
    return IS_DUE + NOT_SERVED


def anybody_due(connection: Connection, now: datetime, is_due: str) -> bool:
    """Everybody due, into `due_count`: by sequence, step and `overdue`, with the oldest due time."""
    due_count = DUE_COUNT.format(is_due=is_due)
    connection.execute(due_count, {"now": now, "overdue_before": now - OVERDUE_AFTER})
    return connection.execute("FROM due_count LIMIT 1").fetchone() is not None


def stage_contested(connection: Connection, now: datetime, is_due: str) -> None:
    """Of the steps of `contested` domains, into `due`, whoever could be among those who may go."""
    parameters = {"now": now, "overdue_before": now - OVERDUE_AFTER}
    connection.execute(CONTESTED, {"now": now})
    connection.execute(IN_PLAY, {"now": now})
    (most,) = connection.execute("SELECT coalesce(max(most), 0) FROM in_play").fetchone() or (0,)
    connection.execute(MINUTES.format(is_due=is_due), {**parameters, "most": most})
    connection.execute(NEAREST.format(is_due=is_due), {**parameters, "most": most})
