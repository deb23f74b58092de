"""Claiming: messages, requests and attempts are written, and enrollments leave the frontier, in one
transaction (SPEC 6.1). A second copy can't be claimed, because the row that would claim it is gone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from xmit_pipeline.model.outcomes import LARGEST
from xmit_pipeline.model.tokens import link_key
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection, frame
from xmit_pipeline.store.frontier import NO_GAP, choose
from xmit_pipeline.store.progress import exit_enrollments
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS

STANDING = f"""
CREATE OR REPLACE TEMP TABLE standing AS
SELECT picked.*, contact.email, contact.first_name, contact.last_name, contact.metadata,
    CASE
        WHEN contact.deleted_at IS NOT NULL THEN 'contact_deleted'
        WHEN contact.status <> 'active' THEN contact.status
        WHEN suppressed.reason IS NOT NULL THEN 'suppressed'
    END AS exit_reason
FROM picked
JOIN contact ON contact.id = picked.contact_id
LEFT JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = contact.email
"""  # noqa: S608  (a constant subquery)

UNMAILABLE = """
CREATE OR REPLACE TEMP TABLE exiting AS
SELECT enrollment_id, message_id, due_at, exit_reason FROM standing WHERE exit_reason IS NOT NULL
"""

BUNDLED = """
CREATE OR REPLACE TEMP TABLE bundled AS
SELECT enrollment_id, step_id, sender_id, sequence_id, domain_id, day_limit, overdue, probe,
    (row_number() OVER (PARTITION BY step_id, sender_id ORDER BY priority, turn, due_at, enrollment_id) - 1)
        // $request_size AS bundle
FROM standing WHERE exit_reason IS NULL
"""

NEW_REQUESTS = """
CREATE OR REPLACE TEMP TABLE new_request AS
SELECT uuidv7() AS id, step_id, sender_id, bundle, any_value(sequence_id) AS sequence_id,
    any_value(domain_id) AS domain_id, any_value(day_limit) AS day_limit, any_value(probe) AS probe, count(*) AS size,
    count(*) FILTER (overdue) AS overdue
FROM bundled
GROUP BY step_id, sender_id, bundle
"""

CLAIMED = """
CREATE OR REPLACE TEMP TABLE claimed AS
SELECT standing.* EXCLUDE (message_id, exit_reason),
    coalesce(standing.message_id, uuidv7()) AS message_id,
    standing.message_id IS NOT NULL AS taken_up,
    new_request.id AS request_id
FROM standing
JOIN bundled USING (enrollment_id)
JOIN new_request
    ON new_request.step_id = bundled.step_id AND new_request.sender_id = bundled.sender_id
    AND new_request.bundle = bundled.bundle
"""

WRITE_REQUESTS = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    day_limit, probe, created_at)
SELECT id, $tick_id, sequence_id, step_id, sender_id, domain_id, 'claimed', size, overdue, $today, day_limit, probe,
    $now
FROM new_request
"""

PUT_OFF_NEXT_PROBE = """
UPDATE sender SET probe_at = $now::TIMESTAMPTZ + INTERVAL 1 HOUR
WHERE held_at IS NOT NULL AND id IN (SELECT sender_id FROM new_request WHERE probe)
"""

WRITE_MESSAGES = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at,
    overdue, request_id, created_at)
SELECT message_id, enrollment_id, sequence_id, step_id, contact_id, email, 'claimed', false, due_at, overdue,
    request_id, $now
FROM claimed WHERE NOT taken_up
"""

TAKE_UP_MESSAGES = """
UPDATE message SET state = 'claimed', reason = NULL, words = NULL, email = claimed.email,
    overdue = claimed.overdue, request_id = claimed.request_id
FROM claimed
WHERE claimed.taken_up AND message.id = claimed.message_id AND message.state = 'waiting'
"""

WRITE_ATTEMPTS = "INSERT INTO attempt SELECT request_id, message_id, false FROM claimed"

LEAVE_FRONTIER = """
UPDATE enrollment SET due_at = NULL, message_id = claimed.message_id
FROM claimed WHERE enrollment.id = claimed.enrollment_id
"""

PEOPLE = """
WITH identified AS MATERIALIZED (
    SELECT *, id_high(message_id) AS high, id_low(message_id) AS low,
        replace(message_id::VARCHAR || contact_id::VARCHAR, '-', '') AS wish
    FROM claimed
)
SELECT request_id, step_id, message_id, 'msg_' || id_digits(high, low) AS xmit_message, email, first_name,
    last_name, metadata,
    getvariable('public_url') || '/u/' || wish || left(sha256(getvariable('link_key') || encode(wish)), 32)
        AS unsubscribe_url
FROM identified
"""

BATCHES = """
SELECT new_request.id AS request_id, new_request.step_id,
    step.subject, step.body_html, step.body_text,
    sender.email AS from_email, sender.name AS from_name, sender.reply_to
FROM new_request
JOIN step ON step.id = new_request.step_id
JOIN sender ON sender.id = new_request.sender_id
ORDER BY new_request.id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One slice of claimed work, as it stood at the claim.

    `people`: request_id, step_id, message_id, xmit_message, email, first_name, last_name, metadata,
    unsubscribe_url, a row a message. `batches`: request_id, step_id, subject, body_html,
    body_text, from_email, from_name, reply_to, a row a request. Ids of both are UUID text. `exited` counts
    those who were found unmailable and left.
    """

    people: pl.DataFrame
    batches: pl.DataFrame
    exited: int


def claim(
    connection: Connection,
    *,
    now: datetime,
    tick_id: str,
    planned: pl.DataFrame,
    public_url: str,
    secret: str,
    gap: timedelta = NO_GAP,
) -> Claim:
    """Take a plan's slice into new requests; who can't be mailed exits, with a skipped message."""
    choose(connection, now, planned, gap)
    connection.execute(STANDING, {"now": now})
    connection.execute(UNMAILABLE)
    exit_enrollments(connection, now)
    connection.execute(BUNDLED, {"request_size": LARGEST})
    connection.execute(NEW_REQUESTS)
    connection.execute(CLAIMED)
    connection.execute(WRITE_REQUESTS, {"now": now, "tick_id": tick_id, "today": utc_day(now)})
    connection.execute(PUT_OFF_NEXT_PROBE, {"now": now})
    connection.execute(WRITE_MESSAGES, {"now": now})
    connection.execute(TAKE_UP_MESSAGES)
    connection.execute(WRITE_ATTEMPTS)
    connection.execute(LEAVE_FRONTIER)
    people = frame(connection, PEOPLE, {"public_url": public_url, "link_key": link_key(secret)})
    (exited,) = connection.execute("SELECT count(*) FROM exiting").fetchone() or (0,)
    return Claim(people, frame(connection, BATCHES), exited)
