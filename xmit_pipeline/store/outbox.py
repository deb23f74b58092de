"""The outbox after the post: settlement, release, holds (SPEC 6.3 to 6.7). What comes before it is `last_look`.

Every verb is one transaction's work on the caller's connection; none talks to the network.
"""

from datetime import datetime

import polars as pl

from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.progress import advance, exit_enrollments, leave_deleted_steps

RELEASE_MESSAGES = (
    "UPDATE message SET state = 'waiting' FROM releasing WHERE message.id = releasing.message_id"
)

RELEASE_ENROLLMENTS = """
UPDATE enrollment SET due_at = releasing.due_at
FROM releasing
WHERE enrollment.id = releasing.enrollment_id AND enrollment.status IN ('active', 'paused')
"""

SKIP_RELEASED_OF_EXITED = """
UPDATE message SET state = 'skipped', reason = skip_reason(enrollment.exit_reason), settled_at = $now
FROM releasing JOIN enrollment ON enrollment.id = releasing.enrollment_id
WHERE message.id = releasing.message_id AND enrollment.status = 'exited'
"""

SKIP_RELEASED_OF_DELETED = """
UPDATE message SET state = 'skipped', reason = 'step_deleted', settled_at = $now
FROM releasing, step
WHERE message.id = releasing.message_id AND message.state = 'waiting'
  AND step.id = message.step_id AND step.deleted_at IS NOT NULL
"""

STRANDED_BY_RELEASE = """
CREATE OR REPLACE TEMP TABLE stranded AS
SELECT releasing.enrollment_id
FROM releasing JOIN message ON message.id = releasing.message_id
WHERE message.reason = 'step_deleted'
"""

WITHDRAW = """
UPDATE attempt SET withdrawn = true
FROM leaving
WHERE attempt.request_id = leaving.request_id AND attempt.message_id = leaving.message_id
"""

SHRINK = """
UPDATE request SET size = size - gone.places, overdue = request.overdue - gone.overdue,
    state = CASE WHEN size = gone.places THEN 'released' ELSE state END,
    settled_at = CASE WHEN size = gone.places THEN $now END
FROM (
    SELECT request_id, count(*) AS places, count(*) FILTER (overdue) AS overdue FROM leaving GROUP BY request_id
) AS gone
WHERE request.id = gone.request_id
"""

OUTCOMES = """
CREATE OR REPLACE TEMP TABLE outcome AS
SELECT request_id::UUID AS request_id, outcome, posted_at, status_code, provider_id, words FROM answered
"""

SETTLE_REQUESTS = """
UPDATE request SET state = outcome.outcome, settled_at = $now, posted_at = outcome.posted_at,
    status_code = outcome.status_code, provider_id = outcome.provider_id, words = outcome.words
FROM outcome WHERE request.id = outcome.request_id
"""

SETTLE_MESSAGES = """
UPDATE message SET
    state = CASE outcome.outcome WHEN 'accepted' THEN 'sent' ELSE 'unknown' END,
    sent_at = outcome.posted_at,
    settled_at = CASE outcome.outcome WHEN 'accepted' THEN $now END
FROM outcome
WHERE message.request_id = outcome.request_id AND message.state = 'claimed'
  AND outcome.outcome IN ('accepted', 'unknown')
"""

PASSED_BY_ANSWER = """
CREATE OR REPLACE TEMP TABLE passed AS
SELECT message.enrollment_id, message.step_id, outcome.posted_at AS at
FROM outcome JOIN message ON message.request_id = outcome.request_id AND message.state = 'sent'
WHERE outcome.outcome = 'accepted'
"""

REJECT = """
UPDATE message SET state = 'failed', reason = 'rejected', words = rejected.words, settled_at = $now
FROM rejected WHERE message.id = rejected.message_id::UUID AND message.state = 'claimed'
"""

REJECTED_EXIT = """
CREATE OR REPLACE TEMP TABLE exiting AS
SELECT message.enrollment_id, message.id AS message_id, message.due_at, 'rejected' AS exit_reason
FROM rejected JOIN message ON message.id = rejected.message_id::UUID
"""

DIVIDED_REQUESTS = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    day_limit, probe, created_at)
SELECT part.request_id, any_value(request.tick_id), any_value(request.sequence_id), any_value(request.step_id),
    any_value(request.sender_id), any_value(request.domain_id), 'claimed', count(*),
    count(*) FILTER (message.overdue), any_value(request.quota_day), any_value(request.day_limit),
    any_value(request.probe), $now
FROM (SELECT message_id::UUID AS message_id, request_id::UUID AS request_id FROM divided) AS part
JOIN message ON message.id = part.message_id AND message.state = 'claimed'
JOIN request ON request.id = message.request_id
GROUP BY part.request_id
"""

DIVIDED_ATTEMPTS = """
INSERT INTO attempt
SELECT divided.request_id::UUID, message.id, false
FROM divided JOIN message ON message.id = divided.message_id::UUID AND message.state = 'claimed'
"""

DIVIDED_MESSAGES = """
UPDATE message SET request_id = divided.request_id::UUID
FROM divided WHERE message.id = divided.message_id::UUID AND message.state = 'claimed'
"""

RELEASING_BY_ANSWER = """
CREATE OR REPLACE TEMP TABLE releasing AS
SELECT message.id AS message_id, message.enrollment_id, message.due_at
FROM outcome JOIN message ON message.request_id = outcome.request_id AND message.state = 'claimed'
WHERE outcome.outcome IN ('refused', 'released')
"""

FREE_PROBED_SENDERS = """
UPDATE sender SET held_at = NULL, hold_reason = NULL, probe_at = NULL
FROM outcome JOIN request ON request.id = outcome.request_id
WHERE sender.id = request.sender_id AND request.probe AND outcome.outcome = 'accepted'
"""

OPEN_REQUESTS = """
SELECT id::VARCHAR AS request_id, state, boot_id, size FROM request
WHERE state IN ('claimed', 'inflight') AND tick_id <> 'test-send'
"""
"""A test send is settled by who sends it, or by `delivery.test_send.recover_tests`."""


def settle(
    connection: Connection,
    *,
    now: datetime,
    answered: pl.DataFrame,
    rejected: pl.DataFrame,
    divided: pl.DataFrame,
) -> int:
    """Put each answered request, its messages and enrollments where the answer puts them (SPEC 6.3).

    Answers how many messages came back unsent and were skipped, as their enrollments are over.

    `answered`: request_id, outcome (accepted, refused, released, unknown), posted_at, status_code,
    provider_id, words. `rejected`: message_id, words: what SendGrid refused for good. `divided`: message_id,
    request_id: messages of refused requests that go on at once in a new, smaller one; the others are released.
    """
    parameters = {"now": now}
    with offered(connection, "answered", answered):
        connection.execute(OUTCOMES)
    connection.execute(SETTLE_REQUESTS, parameters)
    with offered(connection, "rejected", rejected):
        connection.execute(REJECT, parameters)
        connection.execute(REJECTED_EXIT)
    exit_enrollments(connection, now)
    connection.execute(SETTLE_MESSAGES, parameters)
    connection.execute(PASSED_BY_ANSWER)
    advance(connection)
    with offered(connection, "divided", divided):
        connection.execute(DIVIDED_REQUESTS, parameters)
        connection.execute(DIVIDED_ATTEMPTS)
        connection.execute(DIVIDED_MESSAGES)
    connection.execute(RELEASING_BY_ANSWER)
    skipped = release(connection, now)
    connection.execute(FREE_PROBED_SENDERS)
    return skipped


def open_requests(connection: Connection) -> pl.DataFrame:
    """Requests that no tick settled: request_id, state, boot_id, size. Under the tick lock they belong to the dead."""
    return frame(connection, OPEN_REQUESTS)


def taken_lately(connection: Connection, step_id: str) -> bool:
    """Whether SendGrid took the last request of this step that it gave an answer to."""
    row = connection.execute(
        "SELECT state = 'accepted' FROM request WHERE step_id = $id::UUID AND state IN ('accepted', 'refused') "
        "ORDER BY settled_at DESC, id DESC LIMIT 1",
        {"id": step_id},
    ).fetchone()
    return bool(row and row[0])


def release(connection: Connection, now: datetime) -> int:
    """Messages of `releasing` wait again, and their enrollments are due when they were; skipped are those whose
    enrollment is over, or whose step is deleted; answers how many were.
    """
    connection.execute(RELEASE_MESSAGES)
    connection.execute(RELEASE_ENROLLMENTS)
    (skipped,) = connection.execute(SKIP_RELEASED_OF_EXITED, {"now": now}).fetchone() or (0,)
    (deleted,) = connection.execute(SKIP_RELEASED_OF_DELETED, {"now": now}).fetchone() or (0,)
    if deleted:
        connection.execute(STRANDED_BY_RELEASE)
        leave_deleted_steps(connection, now)
    return skipped + deleted


def withdraw(connection: Connection, now: datetime) -> None:
    """Attempts of `leaving` leave their requests before the post, and give their places back."""
    connection.execute(WITHDRAW)
    connection.execute(SHRINK, {"now": now})
