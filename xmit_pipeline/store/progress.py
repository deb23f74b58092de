"""How enrollments move: on to the next step, to the end, or out (SPEC 2, 3).

Each verb reads a temporary table on the caller's connection, made by the caller in the same transaction.
"""

from datetime import datetime

from xmit_pipeline.store.connection import Connection

NEXT_STEPS = """
CREATE OR REPLACE TEMP TABLE next_step AS
SELECT last.id AS last_step_id, arg_min(live.id, live.position) AS step_id,
    arg_min(live.delay_minutes, live.position) AS delay_minutes
FROM step AS last
LEFT JOIN step AS live
    ON live.sequence_id = last.sequence_id AND live.position > last.position AND live.deleted_at IS NULL
GROUP BY last.id
"""

ADVANCE = """
UPDATE enrollment SET
    last_step_id = passed.step_id,
    last_sent_at = date_trunc('minute', passed.at),
    step_id = next_step.step_id,
    due_at = date_trunc('minute', passed.at) + to_minutes(next_step.delay_minutes),
    not_before = NULL,
    message_id = NULL,
    status = CASE WHEN next_step.step_id IS NULL AND status = 'active' THEN 'completed' ELSE status END,
    ended_at = CASE WHEN next_step.step_id IS NULL AND status = 'active' THEN passed.at END
FROM passed
JOIN next_step ON next_step.last_step_id = passed.step_id
WHERE enrollment.id = passed.enrollment_id AND enrollment.status IN ('active', 'paused')
"""

SKIP_WAITING = """
UPDATE message SET state = 'skipped', reason = exiting.skip_reason, settled_at = $now
FROM exiting
WHERE message.id = exiting.message_id AND message.state = 'waiting'
"""

SKIP_UNWRITTEN = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, reason, presumed,
    due_at, overdue, created_at, settled_at)
SELECT uuidv7(), enrollment.id, enrollment.sequence_id, enrollment.step_id, enrollment.contact_id,
    coalesce(contact.email, ''), 'skipped', exiting.skip_reason, false, enrollment.due_at, false, $now, $now
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
    """Move on everyone in `passed (enrollment_id, step_id, at)`: the step was posted, or skipped, then.

    The next step is the first live one after it; without one an active enrollment is completed, a paused one
    stays paused until its sequence resumes.
    """
    connection.execute(NEXT_STEPS)
    connection.execute(ADVANCE)


def exit_enrollments(connection: Connection, now: datetime) -> None:
    """End everyone in `exiting (enrollment_id, message_id, due_at, exit_reason, skip_reason)`.

    Who was due gets a `skipped` message on that step; a message already claimed is left to its request's last
    look. The columns are the enrollment's own, as it stands.
    """
    parameters = {"now": now}
    connection.execute(SKIP_WAITING, parameters)
    connection.execute(SKIP_UNWRITTEN, parameters)
    connection.execute(EXIT, parameters)
