"""How enrollments move: on to the next step, to the end, or out (SPEC 2, 3).

Each verb reads a temporary table on the caller's connection, made by the caller in the same transaction.
The next step is the first live one after an enrollment's position for which it has no message.
"""

from datetime import datetime
from uuid import UUID

from xmit_pipeline.store.connection import Connection

MOVING_PASSED = """
CREATE OR REPLACE TEMP TABLE moving AS
SELECT passed.enrollment_id, passed.at, step.id AS last_step_id, step.sequence_id, step.position
FROM passed JOIN step ON step.id = passed.step_id
"""

WAITING = """
CREATE OR REPLACE TEMP TABLE moving AS
SELECT enrollment.id AS enrollment_id, enrollment.sequence_id, coalesce(last.position, 0) AS position,
    enrollment.due_at IS NOT NULL AND waited.deleted_at IS NULL AS keeps_due
FROM enrollment
LEFT JOIN step AS last ON last.id = enrollment.last_step_id
LEFT JOIN step AS waited ON waited.id = enrollment.step_id
WHERE enrollment.status IN ('active', 'paused') AND enrollment.message_id IS NULL
"""

MOVING_IN_SEQUENCE = f"{WAITING} AND enrollment.sequence_id = $id"

MOVING_STRANDED = f"{WAITING} AND enrollment.id IN (SELECT enrollment_id FROM stranded)"  # noqa: S608  (a constant)

ONWARD = """
CREATE OR REPLACE TEMP TABLE onward AS
WITH place AS (
    SELECT DISTINCT sequence_id, position FROM moving
),
next_step AS (
    SELECT place.sequence_id, place.position, arg_min(live.id, live.position) AS step_id,
        arg_min(live.delay_minutes, live.position) AS delay_minutes
    FROM place
    LEFT JOIN step AS live
        ON live.sequence_id = place.sequence_id AND live.position > place.position AND live.deleted_at IS NULL
    GROUP BY ALL
)
SELECT moving.*, next_step.step_id, next_step.delay_minutes FROM moving JOIN next_step USING (sequence_id, position)
"""

ANY_REORDERED = """
SELECT 1 FROM sequence WHERE reordered_at IS NOT NULL AND id IN (SELECT sequence_id FROM moving) LIMIT 1
"""

ONWARD_WHERE_REORDERED = """
UPDATE onward SET step_id = unseen.step_id, delay_minutes = unseen.delay_minutes
FROM (
    SELECT onward.enrollment_id,
        arg_min(live.id, live.position) FILTER (message.id IS NULL) AS step_id,
        arg_min(live.delay_minutes, live.position) FILTER (message.id IS NULL) AS delay_minutes
    FROM onward
    JOIN sequence ON sequence.id = onward.sequence_id AND sequence.reordered_at IS NOT NULL
    JOIN step AS live
        ON live.sequence_id = onward.sequence_id AND live.position > onward.position AND live.deleted_at IS NULL
    LEFT JOIN message ON message.enrollment_id = onward.enrollment_id AND message.step_id = live.id
    GROUP BY onward.enrollment_id
) AS unseen
WHERE onward.enrollment_id = unseen.enrollment_id
"""

ADVANCE = """
UPDATE enrollment SET
    last_step_id = onward.last_step_id,
    last_sent_at = date_trunc('minute', onward.at),
    step_id = onward.step_id,
    due_at = date_trunc('minute', onward.at) + to_minutes(onward.delay_minutes),
    not_before = NULL,
    message_id = NULL,
    status = CASE WHEN onward.step_id IS NULL AND status = 'active' THEN 'completed' ELSE status END,
    ended_at = CASE WHEN onward.step_id IS NULL AND status = 'active' THEN onward.at END
FROM onward
WHERE enrollment.id = onward.enrollment_id AND enrollment.status IN ('active', 'paused')
  AND enrollment.step_id = onward.last_step_id
"""
"""Forward only: who has gone on since, as a restored store may learn, is not thrown back by an earlier step."""

REALIGN = """
UPDATE enrollment SET
    step_id = onward.step_id,
    due_at = CASE
        WHEN onward.step_id IS NULL THEN NULL
        WHEN onward.keeps_due THEN due_at
        ELSE greatest(
            date_trunc('minute', $now::TIMESTAMPTZ),
            date_trunc('minute', coalesce(last_sent_at, enrolled_at)) + to_minutes(onward.delay_minutes))
    END,
    status = CASE WHEN onward.step_id IS NULL AND status = 'active' THEN 'completed' ELSE status END,
    ended_at = CASE WHEN onward.step_id IS NULL AND status = 'active' THEN $now END
FROM onward
WHERE enrollment.id = onward.enrollment_id AND enrollment.step_id IS DISTINCT FROM onward.step_id
"""

STRAND = """
UPDATE enrollment SET message_id = NULL, due_at = NULL
FROM stranded
WHERE enrollment.id = stranded.enrollment_id AND enrollment.status IN ('active', 'paused')
"""

EXITING_CONTACTS = """
CREATE OR REPLACE TEMP TABLE exiting AS
SELECT enrollment.id AS enrollment_id, enrollment.message_id, enrollment.due_at, leaving_contact.exit_reason
FROM leaving_contact JOIN enrollment ON enrollment.contact_id = leaving_contact.contact_id
WHERE enrollment.status IN ('active', 'paused')
"""

SKIP_WAITING = """
UPDATE message SET state = 'skipped', reason = skip_reason(exiting.exit_reason), settled_at = $now
FROM exiting
WHERE message.id = exiting.message_id AND message.state = 'waiting'
"""

SKIP_UNWRITTEN = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, reason, presumed,
    due_at, overdue, created_at, settled_at)
SELECT uuidv7(), enrollment.id, enrollment.sequence_id, enrollment.step_id, enrollment.contact_id,
    coalesce(contact.email, ''), 'skipped', skip_reason(exiting.exit_reason), false, enrollment.due_at, false,
    $now, $now
FROM exiting
JOIN enrollment ON enrollment.id = exiting.enrollment_id
JOIN contact ON contact.id = enrollment.contact_id
WHERE exiting.message_id IS NULL AND exiting.due_at <= $now AND enrollment.status = 'active'
"""

EXIT = """
UPDATE enrollment SET status = 'exited', exit_reason = exiting.exit_reason, ended_at = $now, due_at = NULL
FROM exiting
WHERE enrollment.id = exiting.enrollment_id AND enrollment.status IN ('active', 'paused')
"""


def advance(connection: Connection) -> None:
    """Move on everyone in `passed (enrollment_id, step_id, at)` who stands on that step: posted, or skipped, then.

    Without a next step an active enrollment is completed; a paused one stays paused until its sequence resumes.
    """
    connection.execute(MOVING_PASSED)
    _look_onward(connection)
    connection.execute(ADVANCE)


def realign(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """After a sequence's steps changed: everyone without a message of their own waits for the right step.

    A due time stays, unless its step was deleted: then it is max(now, last send + the next one's delay).
    """
    connection.execute(MOVING_IN_SEQUENCE, {"id": sequence_id})
    _look_onward(connection)
    connection.execute(REALIGN, {"now": now})


def leave_deleted_steps(connection: Connection, now: datetime) -> None:
    """Everyone in `stranded (enrollment_id)` held a message of a deleted step, now skipped, and goes on from
    the step before it (SPEC 2).
    """
    (stranded,) = connection.execute(STRAND).fetchone() or (0,)
    if stranded:
        connection.execute(MOVING_STRANDED)
        _look_onward(connection)
        connection.execute(REALIGN, {"now": now})


def exit_contacts(connection: Connection, now: datetime) -> None:
    """End every open enrollment of `leaving_contact (contact_id, exit_reason)`."""
    connection.execute(EXITING_CONTACTS)
    exit_enrollments(connection, now)


def exit_enrollments(connection: Connection, now: datetime) -> None:
    """End everyone in `exiting (enrollment_id, message_id, due_at, exit_reason)`.

    Who was due gets a `skipped` message on that step; a message already claimed is left to its request's last
    look. The columns are the enrollment's own, as it stands.
    """
    parameters = {"now": now}
    connection.execute(SKIP_WAITING, parameters)
    connection.execute(SKIP_UNWRITTEN, parameters)
    connection.execute(EXIT, parameters)


def _look_onward(connection: Connection) -> None:
    connection.execute(ONWARD)
    if connection.execute(ANY_REORDERED).fetchone():
        connection.execute(ONWARD_WHERE_REORDERED)
