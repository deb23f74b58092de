"""Spreading what came due while nothing could go: after a pause, another hold, or downtime (SPEC 2, PAINS D1).

A due time never changes here; `not_before` says from when a person may be claimed. Where a day's limit holds,
pacing does this work, and only a resume bumps.
"""

from datetime import datetime
from uuid import UUID

from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import STEP_SENDERS

SPREADING_PAUSED = """
CREATE OR REPLACE TEMP TABLE spreading AS
SELECT enrollment.id AS enrollment_id, enrollment.sequence_id, enrollment.due_at, enrollment.not_before,
    least(coalesce(sequence.paused_at, $now), CASE WHEN step.walled_at IS NOT NULL THEN step.open_at END) AS since,
    false AS late, sequence.resume_window_minutes::BIGINT * 60000000 AS window_us
FROM enrollment
JOIN sequence ON sequence.id = enrollment.sequence_id
LEFT JOIN step ON step.id = enrollment.step_id
WHERE enrollment.sequence_id = $id AND enrollment.status = 'paused' AND enrollment.due_at <= $now
"""
"""Where the step was held before the pause, what is left of a spread stands still since then."""

UNBUMPED = """
CREATE OR REPLACE TEMP TABLE unbumped AS
SELECT enrollment.id AS enrollment_id
FROM enrollment JOIN sequence ON sequence.id = enrollment.sequence_id
WHERE enrollment.not_before > $now::TIMESTAMPTZ + to_minutes(sequence.resume_window_minutes)
   OR (enrollment.not_before > $now AND enrollment.due_at > $now)
"""

UNBUMP = "UPDATE enrollment SET not_before = NULL FROM unbumped WHERE enrollment.id = unbumped.enrollment_id"

SPREADING_UNBUMPED = """
CREATE OR REPLACE TEMP TABLE spreading AS
SELECT enrollment.id AS enrollment_id, enrollment.sequence_id, enrollment.due_at, enrollment.not_before,
    $now::TIMESTAMPTZ AS since, false AS late, sequence.resume_window_minutes::BIGINT * 60000000 AS window_us
FROM enrollment JOIN sequence ON sequence.id = enrollment.sequence_id
WHERE enrollment.status = 'active' AND enrollment.due_at <= $now
  AND (enrollment.not_before > $now OR enrollment.id IN (SELECT enrollment_id FROM unbumped))
"""

REOPENED = """
CREATE OR REPLACE TEMP TABLE reopened AS
SELECT step.id AS step_id, step.open_at AS since, step.walled_at IS NOT NULL AS was_walled,
    sequence.resume_window_minutes::BIGINT * 60000000 AS window_us
FROM step_sender
JOIN step ON step.id = step_sender.step_id
JOIN sequence ON sequence.id = step.sequence_id
JOIN domain ON domain.id = step_sender.domain_id
WHERE step_sender.wall IS NULL AND domain.warmup_state <> 'active'
  AND (step.walled_at IS NOT NULL OR step.open_at IS NULL
    OR epoch_us($now) - epoch_us(step.open_at) > sequence.resume_window_minutes::BIGINT * 60000000)
"""

SPREADING_OVERDUE = """
CREATE OR REPLACE TEMP TABLE spreading AS
SELECT enrollment.id AS enrollment_id, enrollment.sequence_id, enrollment.due_at, enrollment.not_before,
    coalesce(reopened.since, $now) AS since, NOT reopened.was_walled AS late, reopened.window_us
FROM enrollment JOIN reopened ON reopened.step_id = enrollment.step_id
WHERE enrollment.status = 'active' AND enrollment.due_at <= $now
  AND (reopened.since IS NULL
    OR greatest(enrollment.due_at, coalesce(enrollment.not_before, enrollment.due_at)) > reopened.since)
QUALIFY reopened.was_walled OR epoch_us($now) - min(
    epoch_us(greatest(enrollment.due_at, coalesce(enrollment.not_before, enrollment.due_at)))
) OVER (PARTITION BY enrollment.sequence_id) > reopened.window_us
"""
"""Who came due since a tick could last have sent it: after a hold, or where the first of them waited too long."""

SPREAD = """
UPDATE enrollment SET not_before = $now::TIMESTAMPTZ + to_microseconds(placed.offset_us)
FROM (
    WITH ordered AS (
        SELECT *,
            CASE WHEN not_before > since THEN epoch_us(not_before) - epoch_us(since) END AS left_us,
            row_number() OVER (PARTITION BY sequence_id ORDER BY due_at, enrollment_id) AS place
        FROM spreading
    ),
    behind AS (
        SELECT *,
            max(place) FILTER (left_us IS NOT NULL) OVER sequence_wide AS last_unfinished,
            max(left_us) OVER sequence_wide AS unfinished_us,
            CASE WHEN bool_and(late) OVER sequence_wide THEN coalesce(min(left_us) OVER sequence_wide, 0) ELSE 0 END
                AS forgiven_us,
            count(*) OVER sequence_wide AS people
        FROM ordered
        WINDOW sequence_wide AS (PARTITION BY sequence_id)
    ),
    parted AS (
        SELECT *,
            coalesce(place < last_unfinished AND left_us IS NULL, false) AS amid,
            row_number() OVER (PARTITION BY sequence_id, amid ORDER BY place) AS part_place,
            count(*) OVER (PARTITION BY sequence_id, amid) AS part_people
        FROM behind
    )
    SELECT enrollment_id, CASE
        WHEN last_unfinished IS NULL THEN (place - 1) * window_us // people
        WHEN amid THEN (part_place - 1) * window_us // part_people
        WHEN place <= last_unfinished THEN greatest(left_us - forgiven_us, 0)
        ELSE unfinished_us - forgiven_us + (place - last_unfinished) * window_us // (people - last_unfinished)
    END AS offset_us
    FROM parted
) AS placed
WHERE enrollment.id = placed.enrollment_id
"""
"""Evenly, in original order. What is left of an unfinished spread keeps its spacing, and goes first; those between
who have nothing left of it are spread beside it.

After downtime its first goes at once: where ticks come rarer than the window, nobody is put off for ever.
"""

UNPAUSE = "UPDATE enrollment SET status = 'active' WHERE sequence_id = $id AND status = 'paused'"

FORGET_WALLS = "UPDATE step SET open_at = $now, walled_at = NULL WHERE sequence_id = $id"

REMEMBER_WALLS = """
UPDATE step SET
    open_at = CASE WHEN step_sender.wall IS NULL THEN $now ELSE step.open_at END,
    walled_at = CASE WHEN step_sender.wall IS NOT NULL THEN coalesce(step.walled_at, $now) END
FROM step_sender
WHERE step.id = step_sender.step_id AND (step_sender.wall IS NULL OR step_sender.wall NOT LIKE 'sequence_%')
"""


def spread_resumed(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Paused enrollments are active again; those overdue are spread over the sequence's resume window."""
    parameters = {"id": sequence_id, "now": now}
    connection.execute(SPREADING_PAUSED, parameters)
    connection.execute(SPREAD, {"now": now})
    connection.execute(UNPAUSE, {"id": sequence_id})
    connection.execute(FORGET_WALLS, parameters)


def spread_unbumped(connection: Connection, now: datetime) -> None:
    """A clock that was ahead took its jump for downtime: who is due is spread from now, who is not waits for that."""
    parameters = {"now": now}
    connection.execute(UNBUMPED, parameters)
    connection.execute(UNBUMP)
    connection.execute(SPREADING_UNBUMPED, parameters)
    connection.execute(SPREAD, parameters)


def spread_overdue(connection: Connection, now: datetime) -> int:
    """Spread what came due during a hold that is over, or while no tick ran for longer than the window.

    For the start of every tick that may post, before its first plan; answers how many were spread. Costs
    nothing to speak of where neither happened.
    """
    connection.execute(STEP_SENDERS)
    connection.execute(REOPENED, {"now": now})
    (reopened,) = connection.execute("SELECT count(*) FROM reopened").fetchone() or (0,)
    spread = 0
    if reopened:
        connection.execute(SPREADING_OVERDUE, {"now": now})
        (spread,) = connection.execute(SPREAD, {"now": now}).fetchone() or (0,)
    connection.execute(REMEMBER_WALLS, {"now": now})
    return spread
