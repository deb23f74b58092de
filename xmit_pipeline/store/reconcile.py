"""Taking a restored store back into service: what the journal says was posted, written down (SPEC 6.10).

It knows whom each request went to; a message that it brings back is `sent` and `presumed`, and whoever was enrolled
since is enrolled again under the same id, where contact and step are known. Every request comes back with its places
in the day, also one whose people this store does not know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.outbox import release, settle, withdraw
from xmit_pipeline.store.progress import advance
from xmit_pipeline.store.unknown import prove

ENTRIES = {"request_id": pl.String, "entry": pl.String}

JOURNALLED = {
    "place": pl.Int64,
    "request_id": pl.String,
    "accepted": pl.Boolean,
    "step_id": pl.String,
    "sender_id": pl.String,
    "message_id": pl.String,
    "enrollment_id": pl.String,
    "contact_id": pl.String,
    "posted_at": pl.Datetime("us", "UTC"),
}
"""A row a message that was posted, as far as the journal tells; `place` is its request's in the order of posts."""

NOT_IN_STEP = """
SELECT entries.request_id
FROM entries LEFT JOIN request ON request.id = entries.request_id::UUID
WHERE request.id IS NULL OR request.state IN ('claimed', 'inflight')
   OR (request.state IN ('released', 'unknown') AND entries.entry = 'accepted')
"""

STAGE = """
CREATE OR REPLACE TEMP TABLE journalled (place BIGINT, request_id UUID, accepted BOOLEAN, step_id UUID,
    sender_id UUID, message_id UUID, enrollment_id UUID, contact_id UUID, posted_at TIMESTAMPTZ)
"""

NEVER_IN_THE_POST = """
CREATE OR REPLACE TEMP TABLE leaving AS
SELECT message.id AS message_id, message.request_id, message.overdue, message.enrollment_id, message.due_at
FROM request
JOIN message ON message.request_id = request.id AND message.state = 'claimed'
WHERE request.state IN ('claimed', 'inflight')
  AND request.id IN (SELECT request_id FROM journalled WHERE message_id IS NOT NULL)
  AND NOT EXISTS (
    SELECT 1 FROM journalled WHERE journalled.request_id = request.id AND journalled.message_id = message.id)
"""
"""Whom a last look took out of a request that this store knows as it was claimed."""

PROOF = """
CREATE OR REPLACE TEMP TABLE proof AS
SELECT DISTINCT journalled.request_id FROM journalled JOIN request ON request.id = journalled.request_id
WHERE journalled.accepted
"""

FORGOTTEN_REQUESTS = """
CREATE OR REPLACE TEMP TABLE forgotten_request AS
SELECT journalled.*, step.sequence_id, contact.id AS known_contact_id, contact.email
FROM journalled
LEFT JOIN step ON step.id = journalled.step_id
LEFT JOIN enrollment ON enrollment.id = journalled.enrollment_id
LEFT JOIN contact ON contact.id = coalesce(enrollment.contact_id, journalled.contact_id)
WHERE NOT EXISTS (SELECT 1 FROM request WHERE request.id = journalled.request_id)
"""

REQUESTS = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    created_at, posted_at, settled_at, words)
SELECT posted.request_id, 'reconcile', coalesce(posted.sequence_id, $nobody::UUID),
    coalesce(posted.step_id, $nobody::UUID), coalesce(sender.id, $nobody::UUID),
    coalesce(sender.domain_id, $nobody::UUID), 'accepted', posted.size, 0, posted.posted_at::DATE, posted.posted_at,
    posted.posted_at, $now, 'taken back from the journal'
FROM (
    SELECT request_id, any_value(step_id) AS step_id, any_value(sequence_id) AS sequence_id,
        any_value(sender_id) AS sender_id, any_value(posted_at) AS posted_at, count(*) AS size
    FROM forgotten_request GROUP BY request_id
) AS posted
LEFT JOIN step ON step.id = posted.step_id
LEFT JOIN sequence ON sequence.id = step.sequence_id
LEFT JOIN sender ON sender.id = coalesce(posted.sender_id, step.sender_id, sequence.sender_id,
    (SELECT any_value(id) FROM sender WHERE is_default AND deleted_at IS NULL))
"""

KIN = """
CREATE OR REPLACE TEMP TABLE kin AS
WITH unknown AS (
    SELECT enrollment_id, sequence_id, known_contact_id AS contact_id, min(posted_at) AS posted_at
    FROM forgotten_request
    WHERE sequence_id IS NOT NULL AND known_contact_id IS NOT NULL
      AND enrollment_id NOT IN (SELECT id FROM enrollment)
    GROUP BY ALL
),
standing AS (
    SELECT sequence_id, contact_id, arg_max(id, enrolled_at) AS id, bool_or(status IN ('active', 'paused')) AS open
    FROM enrollment WHERE (sequence_id, contact_id) IN (SELECT (sequence_id, contact_id) FROM unknown)
    GROUP BY sequence_id, contact_id
)
SELECT unknown.*,
    CASE WHEN standing.open OR NOT sequence.reenroll THEN standing.id END AS known_id, sequence.status
FROM unknown
JOIN sequence ON sequence.id = unknown.sequence_id
LEFT JOIN standing
    ON standing.sequence_id = unknown.sequence_id AND standing.contact_id = unknown.contact_id
"""
"""Enrollments that this store lacks; `known_id`: where the same person was enrolled anew meanwhile, that one."""

ENROLL = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, exit_reason, source, enrolled_at, ended_at)
SELECT enrollment_id, sequence_id, contact_id,
    CASE status WHEN 'paused' THEN 'paused' WHEN 'archived' THEN 'exited' ELSE 'active' END,
    CASE status WHEN 'archived' THEN 'archived' END, 'reconcile', date_trunc('minute', posted_at),
    CASE status WHEN 'archived' THEN $now END
FROM kin WHERE known_id IS NULL
RETURNING 1
"""

FORGOTTEN = """
CREATE OR REPLACE TEMP TABLE forgotten AS
SELECT posted.place, posted.request_id, posted.message_id, posted.posted_at, posted.step_id, posted.email,
    enrollment.id AS enrollment_id, enrollment.sequence_id, enrollment.contact_id,
    message.id AS known_message_id, coalesce(message.state, 'waiting') IN ('waiting', 'unknown') AS was_owed,
    coalesce(message.due_at, enrollment.due_at, posted.posted_at) AS due_at
FROM forgotten_request AS posted
LEFT JOIN kin ON kin.enrollment_id = posted.enrollment_id
JOIN enrollment ON enrollment.id = coalesce(kin.known_id, posted.enrollment_id)
LEFT JOIN message ON message.enrollment_id = enrollment.id AND message.step_id = posted.step_id
WHERE posted.sequence_id IS NOT NULL
"""

STRANGERS = """
SELECT count(*) FROM forgotten_request AS posted
WHERE message_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM forgotten WHERE (request_id, place) = (posted.request_id, posted.place)
    AND forgotten.message_id = posted.message_id)
"""

WRITE_MESSAGES = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at, overdue,
    request_id, created_at, sent_at, settled_at)
SELECT arg_max(message_id, place), enrollment_id, any_value(sequence_id), step_id, any_value(contact_id),
    coalesce(any_value(email), ''), 'sent', true, min(due_at), false, arg_max(request_id, place), min(posted_at),
    max(posted_at), $now
FROM forgotten WHERE known_message_id IS NULL
GROUP BY enrollment_id, step_id
"""

SETTLE_MESSAGES = """
UPDATE message SET state = 'sent', presumed = true, reason = NULL, request_id = posted.request_id,
    sent_at = posted.posted_at, settled_at = $now
FROM (
    SELECT known_message_id, arg_max(request_id, place) AS request_id, arg_max(posted_at, place) AS posted_at
    FROM forgotten WHERE known_message_id IS NOT NULL AND was_owed GROUP BY known_message_id
) AS posted
WHERE message.id = posted.known_message_id
"""

ATTEMPTS = """
INSERT INTO attempt
SELECT DISTINCT posted.request_id, coalesce(message.id, posted.message_id), false
FROM forgotten_request AS posted
LEFT JOIN forgotten ON forgotten.request_id = posted.request_id AND forgotten.message_id = posted.message_id
LEFT JOIN message ON message.enrollment_id = forgotten.enrollment_id AND message.step_id = forgotten.step_id
WHERE posted.message_id IS NOT NULL
"""

COUNT_RESENDS = """
UPDATE message SET resends = greatest(message.resends, tried.times - 1)
FROM (
    SELECT attempt.message_id, count(*) AS times
    FROM attempt JOIN request ON request.id = attempt.request_id AND request.state IN ('accepted', 'unknown')
    WHERE NOT attempt.withdrawn
      AND attempt.message_id IN (SELECT coalesce(known_message_id, message_id) FROM forgotten)
    GROUP BY attempt.message_id
) AS tried
WHERE message.id = tried.message_id
"""

PASSED = """
CREATE OR REPLACE TEMP TABLE passed AS
SELECT enrollment_id, arg_max(step_id, place) AS step_id, arg_max(posted_at, place) AS at
FROM forgotten WHERE was_owed GROUP BY enrollment_id
"""

REACH_PASSED = """
UPDATE enrollment SET step_id = passed.step_id, due_at = NULL, not_before = NULL, message_id = NULL
FROM passed
WHERE enrollment.id = passed.enrollment_id AND enrollment.status IN ('active', 'paused')
"""
"""Everybody stands on the last step that was posted to them, however many lie between, and goes on from there."""

OVERTAKEN = """
UPDATE message SET settled_at = $now,
    state = CASE message.state WHEN 'unknown' THEN 'sent' ELSE 'skipped' END,
    presumed = message.presumed OR message.state = 'unknown',
    reason = CASE message.state WHEN 'waiting' THEN 'render_error' END,
    words = CASE message.state WHEN 'waiting' THEN 'a later step was posted, and no post of this one is known'
        ELSE message.words END
FROM passed
WHERE message.enrollment_id = passed.enrollment_id AND message.step_id <> passed.step_id
  AND message.state IN ('waiting', 'unknown')
"""
"""A later step is posted only once the earlier ones are done with: sent, or passed as they could not be rendered."""

COUNT_ANEW = """
INSERT INTO step_metric_due
SELECT DISTINCT message.step_id FROM message JOIN passed ON passed.enrollment_id = message.enrollment_id
WHERE message.step_id NOT IN (FROM step_metric_due)
"""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Stands for a sequence, step or sender that this store does not know."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came back from the journal. `strangers`: messages to people or steps that this store lacks."""

    requests: int
    messages: int
    enrolled: int
    strangers: int


def not_in_step(connection: Connection, entries: pl.DataFrame) -> set[str]:
    """Of these (ENTRIES: request and last word, a row a request) those of which this store knows less."""
    with offered(connection, "entries", entries):
        return set(frame(connection, f"SELECT DISTINCT request_id FROM ({NOT_IN_STEP})")["request_id"])  # noqa: S608  (a constant)


def stage_journalled(connection: Connection, slices: Iterator[pl.DataFrame]) -> None:
    """Lay out, for `settle_open` and `take_back`, what a journal says was posted, in rows of JOURNALLED."""
    connection.execute(STAGE)
    for rows in slices:
        with offered(connection, "journalled_slice", rows.select(*JOURNALLED)):
            connection.execute("INSERT INTO journalled FROM journalled_slice")


def settle_open(connection: Connection, now: datetime, answered: pl.DataFrame) -> None:
    """Settle what this store holds open by the journal's word, `answered` as for `outbox.settle`.

    Who was not in the post of a request that the store knows as it was claimed is released from it.
    """
    connection.execute(NEVER_IN_THE_POST)
    connection.execute("CREATE OR REPLACE TEMP TABLE releasing AS FROM leaving")
    release(connection, now)
    withdraw(connection, now)
    nothing = pl.DataFrame(schema={"message_id": pl.String, "request_id": pl.String, "words": pl.String})
    settle(
        connection,
        now=now,
        answered=answered,
        rejected=nothing.select("message_id", "words"),
        divided=nothing.select("message_id", "request_id"),
    )
    connection.execute(PROOF)
    prove(connection, now)


def take_back(connection: Connection, now: datetime, mark: str | None) -> Reconciled:
    """Write down what `journalled` says was posted and this store has forgotten; everyone goes on from there.

    `mark` is the journal's newest request. Repeating it changes nothing.
    """
    connection.execute(FORGOTTEN_REQUESTS)
    (requests,) = connection.execute(REQUESTS, {"now": now, "nobody": NOBODY}).fetchone() or (0,)
    connection.execute(KIN)
    enrolled = len(connection.execute(ENROLL, {"now": now}).fetchall())
    connection.execute(FORGOTTEN)
    (messages,) = connection.execute("SELECT count(*) FROM forgotten").fetchone() or (0,)
    (strangers,) = connection.execute(STRANGERS).fetchone() or (0,)
    connection.execute(WRITE_MESSAGES, {"now": now})
    connection.execute(SETTLE_MESSAGES, {"now": now})
    connection.execute(ATTEMPTS)
    connection.execute(COUNT_RESENDS)
    connection.execute(PASSED)
    connection.execute(REACH_PASSED)
    connection.execute(OVERTAKEN, {"now": now})
    connection.execute(COUNT_ANEW)
    advance(connection)
    connection.execute(
        "INSERT INTO reconciliation VALUES ($now, $mark::UUID, $requests, $messages, $strangers)",
        {"now": now, "mark": mark, "requests": requests, "messages": messages, "strangers": strangers},
    )
    return Reconciled(requests, messages, enrolled, strangers)
