"""The outbox after the claim: last look, inflight, settlement, recovery (SPEC 6.2 to 6.7).

Every verb is one transaction's work on the caller's connection; none talks to the network.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.progress import advance, exit_enrollments, leave_deleted_steps
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS

HOLD_SHARE = 0.2
"""A step is held where more than this share of its renders in one claim window fail (SPEC 5)."""
HOLD_AT_LEAST = 20

FATES = f"""
CREATE OR REPLACE TEMP TABLE fate AS
SELECT message.id AS message_id, message.enrollment_id, message.step_id, message.request_id, message.due_at,
    message.overdue, unrendered.words,
    CASE
        WHEN enrollment.status = 'exited' THEN 'skip:' || skip_reason(enrollment.exit_reason)
        WHEN contact.deleted_at IS NOT NULL THEN 'exit:contact_deleted'
        WHEN contact.status <> 'active' THEN 'exit:' || contact.status
        WHEN suppressed.email IS NOT NULL AND contact.email <> message.email THEN 'release'
        WHEN suppressed.email IS NOT NULL THEN 'exit:suppressed'
        WHEN step_sender.step_id IS NULL THEN 'leave:step_deleted'
        WHEN enrollment.status <> 'active' OR message.accepted_twice THEN 'release'
        WHEN step_sender.wall IS NOT NULL AND (NOT request.probe OR step_sender.probe_at IS NULL) THEN 'release'
        WHEN step_sender.sender_id <> request.sender_id OR request.quota_day <> $today THEN 'release'
        WHEN unrendered.message_id IS NOT NULL THEN 'pass:render_error'
        ELSE 'go'
    END AS fate
FROM request
JOIN message ON message.request_id = request.id AND message.state = 'claimed'
JOIN enrollment ON enrollment.id = message.enrollment_id
JOIN contact ON contact.id = message.contact_id
LEFT JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = message.email
LEFT JOIN step_sender ON step_sender.step_id = message.step_id
LEFT JOIN unrendered ON unrendered.message_id::UUID = message.id
WHERE request.tick_id = $tick_id AND request.state = 'claimed'
"""  # noqa: S608  (a constant subquery)

HOLD_STEPS = """
UPDATE step SET held_at = $now, hold_reason = held.reason
FROM (
    SELECT fate.step_id,
        format('render_error: {} of {} failed to render; {}', count(*) FILTER (fate.fate = 'pass:render_error'),
            count(*), any_value(fate.words)) AS reason
    FROM fate
    WHERE fate.fate IN ('go', 'pass:render_error')
    GROUP BY fate.step_id
    HAVING count(*) FILTER (fate.fate = 'pass:render_error') > count(*) * $share
       AND count(*) FILTER (fate.fate = 'pass:render_error') >= $at_least
) AS held
WHERE step.id = held.step_id AND NOT step.skip_failing
"""

HELD_RELEASE = """
UPDATE fate SET fate = 'release'
FROM step
WHERE step.id = fate.step_id AND step.held_at IS NOT NULL AND fate.fate IN ('go', 'pass:render_error')
"""

SKIP = """
UPDATE message SET state = 'skipped', words = fate.words, settled_at = $now,
    reason = CASE WHEN fate.fate LIKE 'exit:%' THEN skip_reason(split_part(fate.fate, ':', 2))
        ELSE split_part(fate.fate, ':', 2) END
FROM fate
WHERE message.id = fate.message_id AND fate.fate NOT IN ('go', 'release')
"""

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

SPLIT_OFF = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    day_limit, probe, created_at)
SELECT alone.request_id::UUID, request.tick_id, request.sequence_id, request.step_id, request.sender_id,
    request.domain_id, 'claimed', 1, message.overdue::INTEGER, request.quota_day,
    request.day_limit, request.probe, $now
FROM alone
JOIN message ON message.id = alone.message_id::UUID AND message.state = 'claimed'
JOIN request ON request.id = message.request_id
"""

INFLIGHT = """
UPDATE request SET state = 'inflight', boot_id = $boot_id
WHERE tick_id = $tick_id AND state = 'claimed'
"""

READY = """
SELECT request.id AS request_id, message.id AS message_id, message.step_id, message.enrollment_id, request.sender_id
FROM request JOIN message ON message.request_id = request.id AND message.state = 'claimed'
WHERE request.tick_id = getvariable('tick_id') AND request.state = 'claimed'
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
SELECT id::VARCHAR AS request_id, state, boot_id FROM request
WHERE state IN ('claimed', 'inflight') AND tick_id <> 'test-send'
"""
"""A test send is settled by who sends it, or by `delivery.test_send.recover_tests`."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """What may be posted now, and what the last look kept back.

    `ready`: request_id, message_id, step_id, enrollment_id, sender_id (UUID text), a row a message of requests
    that are now inflight.
    """

    ready: pl.DataFrame
    skipped: int
    released: int


def make_inflight(
    connection: Connection,
    *,
    now: datetime,
    tick_id: str,
    boot_id: str,
    unrendered: pl.DataFrame,
    alone: pl.DataFrame,
) -> LastLook:
    """Look once more at a tick's claimed requests, and commit what may go as inflight (SPEC 6.2, 6.4).

    `unrendered`: message_id, words. `alone`: message_id, request_id: messages that leave their request for one
    of their own. Who is gone is skipped; whoever stands before a wall is released.
    """
    connection.execute(STEP_SENDERS)
    with offered(connection, "unrendered", unrendered):
        connection.execute(FATES, {"now": now, "tick_id": tick_id, "today": utc_day(now)})
    connection.execute(HOLD_STEPS, {"now": now, "share": HOLD_SHARE, "at_least": HOLD_AT_LEAST})
    connection.execute(HELD_RELEASE)
    _apply_fates(connection, now)
    with offered(connection, "alone", alone):
        _split_off(connection, now)
    ready = frame(connection, READY, {"tick_id": tick_id})
    connection.execute(INFLIGHT, {"tick_id": tick_id, "boot_id": boot_id})
    skipped, released = connection.execute(
        "SELECT count(*) FILTER (fate NOT IN ('go', 'release')), count(*) FILTER (fate = 'release') FROM fate"
    ).fetchone() or (0, 0)
    return LastLook(ready, skipped, released)


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
    skipped = _release(connection, now)
    connection.execute(FREE_PROBED_SENDERS)
    return skipped


def open_requests(connection: Connection) -> pl.DataFrame:
    """Requests that no tick settled: request_id, state, boot_id. Under the tick lock they belong to the dead."""
    return frame(connection, OPEN_REQUESTS)


def hold_step(connection: Connection, step_id: str, now: datetime, reason: str) -> None:
    """Nothing more of this step is claimed until someone releases it; nobody exits."""
    connection.execute(
        "UPDATE step SET held_at = $now, hold_reason = $reason WHERE id = $id::UUID AND held_at IS NULL",
        {"now": now, "reason": reason, "id": step_id},
    )


def hold_sender(connection: Connection, sender_id: str, now: datetime, reason: str) -> None:
    """This sender waits until someone releases it, or a probe an hour later is taken; other senders go on."""
    connection.execute(
        "UPDATE sender SET held_at = $now, hold_reason = $reason, probe_at = $now::TIMESTAMPTZ + INTERVAL 1 HOUR "
        "WHERE id = $id::UUID AND held_at IS NULL",
        {"now": now, "reason": reason, "id": sender_id},
    )


def taken_lately(connection: Connection, step_id: str) -> bool:
    """Whether SendGrid took the last request of this step that it gave an answer to."""
    row = connection.execute(
        "SELECT state = 'accepted' FROM request WHERE step_id = $id::UUID AND state IN ('accepted', 'refused') "
        "ORDER BY settled_at DESC, id DESC LIMIT 1",
        {"id": step_id},
    ).fetchone()
    return bool(row and row[0])


def _apply_fates(connection: Connection, now: datetime) -> None:
    connection.execute(SKIP, {"now": now})
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE exiting AS
        SELECT enrollment_id, message_id, due_at, split_part(fate, ':', 2) AS exit_reason
        FROM fate WHERE fate LIKE 'exit:%'
    """)
    exit_enrollments(connection, now)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE passed AS "
        "SELECT enrollment_id, step_id, $now::TIMESTAMPTZ AS at FROM fate WHERE fate LIKE 'pass:%'",
        {"now": now},
    )
    advance(connection)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE stranded AS SELECT enrollment_id FROM fate WHERE fate LIKE 'leave:%'"
    )
    leave_deleted_steps(connection, now)
    connection.execute("CREATE OR REPLACE TEMP TABLE releasing AS FROM fate WHERE fate = 'release'")
    _release(connection, now)
    connection.execute("CREATE OR REPLACE TEMP TABLE leaving AS FROM fate WHERE fate <> 'go'")
    _withdraw(connection, now)


def _release(connection: Connection, now: datetime) -> int:
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


def _withdraw(connection: Connection, now: datetime) -> None:
    """Attempts of `leaving` leave their requests before the post, and give their places back."""
    connection.execute(WITHDRAW)
    connection.execute(SHRINK, {"now": now})


def _split_off(connection: Connection, now: datetime) -> None:
    connection.execute(SPLIT_OFF, {"now": now})
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE leaving AS
        SELECT message.id AS message_id, message.request_id, message.overdue, alone.request_id::UUID AS alone_id
        FROM alone JOIN message ON message.id = alone.message_id::UUID AND message.state = 'claimed'
    """)
    _withdraw(connection, now)
    connection.execute("INSERT INTO attempt SELECT alone_id, message_id, false FROM leaving")
    connection.execute(
        "UPDATE message SET request_id = leaving.alone_id FROM leaving WHERE message.id = leaving.message_id"
    )
