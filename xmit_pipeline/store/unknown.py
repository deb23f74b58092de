"""Requests that left and were never answered: proof, policy, and what an operator decides (SPEC 6.6).

Nothing here posts. A proof says that SendGrid took a whole request; without one the policy decides after a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.progress import advance, exit_enrollments
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS

PROVED = """
CREATE OR REPLACE TEMP TABLE proved AS
SELECT request.id AS request_id, request.posted_at
FROM (SELECT DISTINCT request_id FROM proof) AS given
JOIN request ON request.id = given.request_id
WHERE request.state IN ('unknown', 'released', 'refused') AND request.posted_at IS NOT NULL
"""
"""A request taken as surely not sent may be proved as well: then it was taken after all."""

PROVED_MESSAGES = """
CREATE OR REPLACE TEMP TABLE proved_message AS
SELECT message.id AS message_id, message.enrollment_id, message.step_id, proved.request_id, proved.posted_at,
    message.state, message.request_id = proved.request_id AS is_latest,
    row_number() OVER (PARTITION BY message.id ORDER BY is_latest DESC, proved.posted_at, proved.request_id) AS place
FROM proved
JOIN attempt ON attempt.request_id = proved.request_id AND NOT attempt.withdrawn
JOIN message ON message.id = attempt.message_id
"""

ACCEPT_REQUESTS = """
UPDATE request SET state = 'accepted', decided = CASE WHEN state = 'unknown' THEN NULL ELSE 'proved_late' END,
    settled_at = $now, words = coalesce(words || '; ', '') || 'proved by an event'
FROM proved WHERE request.id = proved.request_id
"""

PASSED_BY_PROOF = """
CREATE OR REPLACE TEMP TABLE passed AS
SELECT enrollment_id, step_id, posted_at AS at FROM proved_message
WHERE place = 1 AND state IN ('waiting', 'unknown')
"""

SEND_MESSAGES = """
UPDATE message SET state = 'sent', presumed = false, request_id = proved_message.request_id,
    reason = NULL, words = NULL, sent_at = proved_message.posted_at, settled_at = $now
FROM proved_message
WHERE message.id = proved_message.message_id AND proved_message.place = 1
  AND (message.state IN ('waiting', 'unknown')
    OR (message.state = 'failed' AND message.reason = 'delivery_failed')
    OR (message.state = 'sent' AND proved_message.is_latest))
"""
"""Who was given up is sent as well; that enrollment stays exited."""

ACCEPTED_TWICE = """
UPDATE message SET accepted_twice = true
FROM proved_message
WHERE message.id = proved_message.message_id
  AND (proved_message.place > 1
    OR (NOT proved_message.is_latest AND message.state IN ('sent', 'unknown', 'claimed')))
"""

ANY_TAKEN = "SELECT 1 FROM message WHERE state IN ('waiting', 'unknown') AND accepted_twice LIMIT 1"

TAKEN_AFTER_ALL = """
CREATE OR REPLACE TEMP TABLE proved_message AS
SELECT message.id AS message_id, message.enrollment_id, message.step_id, request.id AS request_id,
    request.posted_at, message.state, false AS is_latest,
    row_number() OVER (PARTITION BY message.id ORDER BY request.posted_at, request.id) AS place
FROM message
JOIN attempt ON attempt.message_id = message.id AND NOT attempt.withdrawn
JOIN request ON request.id = attempt.request_id AND request.state = 'accepted'
WHERE message.state IN ('waiting', 'unknown') AND message.accepted_twice
"""
"""The proof of an earlier attempt came while a later one was under way, and that one was not taken, or nobody knows:
it is sent, and never goes again.
"""

TAKEN_ONCE = """
UPDATE message SET accepted_twice = false
FROM (
    SELECT proved_message.message_id
    FROM (SELECT DISTINCT message_id FROM proved_message) AS proved_message
    JOIN attempt ON attempt.message_id = proved_message.message_id AND NOT attempt.withdrawn
    JOIN request ON request.id = attempt.request_id AND request.state IN ('accepted', 'unknown')
    GROUP BY proved_message.message_id
    HAVING count(*) = 1
) AS once
WHERE message.id = once.message_id
"""

PROOF_BY_EVENTS = """
CREATE OR REPLACE TEMP TABLE proof AS
SELECT DISTINCT event.request_id
FROM event
WHERE event.folded_at >= $since
  AND event.request_id IN (SELECT id FROM request WHERE state = 'unknown' AND decided IS NULL)
"""
"""Nothing is told of a request before its post: so only the events folded since then are read."""

OLDEST_UNDECIDED = "SELECT min(posted_at) FROM request WHERE state = 'unknown' AND decided IS NULL"

IS_UNDECIDED = "SELECT 1 FROM request WHERE id = $id AND state = 'unknown' AND decided IS NULL"

UNDECIDED = """
CREATE OR REPLACE TEMP TABLE undecided AS
SELECT message.id AS message_id, message.enrollment_id, message.step_id, message.due_at, message.resends,
    request.id AS request_id, request.posted_at
FROM request JOIN message ON message.request_id = request.id AND message.state = 'unknown'
WHERE request.state = 'unknown' AND request.decided IS NULL
  AND request.posted_at <= $before AND ($id::UUID IS NULL OR request.id = $id)
"""

RESENDING = f"""
CREATE OR REPLACE TEMP TABLE resending AS
SELECT undecided.*
FROM undecided
JOIN enrollment ON enrollment.id = undecided.enrollment_id AND enrollment.status IN ('active', 'paused')
JOIN step ON step.id = undecided.step_id AND step.deleted_at IS NULL
JOIN contact ON contact.id = enrollment.contact_id AND contact.deleted_at IS NULL AND contact.status = 'active'
LEFT JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = contact.email
WHERE suppressed.email IS NULL
"""  # noqa: S608  (a constant subquery)

SPENT = "CREATE OR REPLACE TEMP TABLE spent AS SELECT * FROM resending WHERE resends >= $resend_limit"

FAIL_SPENT = """
UPDATE message SET state = 'failed', reason = 'delivery_failed', settled_at = $now,
    words = 'no answer and no proof, however often it was sent'
FROM spent WHERE message.id = spent.message_id
"""

EXIT_SPENT = """
CREATE OR REPLACE TEMP TABLE exiting AS
SELECT enrollment_id, message_id, due_at, 'delivery_failed' AS exit_reason FROM spent
"""

WAIT_AGAIN = """
UPDATE message SET state = 'waiting', resends = message.resends + 1, sent_at = NULL
FROM resending WHERE message.id = resending.message_id AND message.state = 'unknown'
"""

DUE_AGAIN = """
UPDATE enrollment SET due_at = resending.due_at
FROM resending
WHERE enrollment.id = resending.enrollment_id AND enrollment.status IN ('active', 'paused')
"""

COUNT_ANEW = """
INSERT INTO step_metric_due
SELECT DISTINCT step_id FROM resending WHERE step_id NOT IN (FROM step_metric_due)
"""
"""Who waits again leaves no time behind by which `store.metrics` would notice."""

PRESUME = """
UPDATE message SET state = 'sent', presumed = true, settled_at = $now
FROM undecided WHERE message.id = undecided.message_id AND message.state = 'unknown'
"""

PASSED_BY_PRESUMPTION = """
CREATE OR REPLACE TEMP TABLE passed AS
SELECT undecided.enrollment_id, undecided.step_id, undecided.posted_at AS at
FROM undecided JOIN message ON message.id = undecided.message_id
WHERE message.state = 'sent' AND message.presumed
"""

DECIDE = """
UPDATE request SET decided = $decided
WHERE state = 'unknown' AND decided IS NULL AND posted_at <= $before AND ($id::UUID IS NULL OR id = $id)
"""

LOOKED_AT = """
SELECT id FROM request WHERE state = 'unknown'
UNION
SELECT request_id FROM message WHERE accepted_twice
"""

LISTED = """
WITH tried AS MATERIALIZED (
    SELECT request_id, message_id FROM attempt
    WHERE NOT withdrawn AND request_id IN (SELECT unnest($ids::UUID[]))
)
SELECT request.id, request.posted_at, request.status_code, request.words, request.decided, step.name AS step_name,
    sequence.name AS sequence_name, count(message.id) AS messages,
    count(*) FILTER (message.state = 'unknown' AND message.request_id = request.id) AS unknown,
    count(*) FILTER (message.accepted_twice AND message.request_id = request.id) AS accepted_twice
FROM tried
JOIN request ON request.id = tried.request_id
JOIN step ON step.id = request.step_id
JOIN sequence ON sequence.id = request.sequence_id
JOIN message ON message.id = tried.message_id
WHERE request.state = 'unknown' OR (message.accepted_twice AND message.request_id = request.id)
GROUP BY ALL
ORDER BY request.posted_at, request.id
"""
"""Of few requests among many: with their ids at hand DuckDB does not join all messages with all attempts."""

LOOKING_UP = """
SELECT request.id, request.posted_at, coalesce(any_value(message.email), any_value(test_send.email)) AS email
FROM request
LEFT JOIN message ON message.request_id = request.id AND message.state = 'unknown'
LEFT JOIN test_send ON test_send.request_id = request.id
WHERE request.state = 'unknown' AND request.decided IS NULL
  AND coalesce(request.looked_up_at, request.posted_at) <= $before
GROUP BY request.id, request.posted_at
ORDER BY request.posted_at, request.id
LIMIT $limit
"""

LOOKED_UP = "UPDATE request SET looked_up_at = $now WHERE id = $id"


@dataclass(frozen=True, slots=True)
class Settled:
    """In messages: proved as sent, presumed sent, let go again, and given up."""

    proved: int = 0
    presumed: int = 0
    resent: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.proved + self.presumed + self.resent + self.failed


def prove(connection: Connection, now: datetime) -> int:
    """Each request of the temporary table `proof (request_id)` was accepted as a whole; answers its messages.

    Who waited goes on from the time of the post. Where a later attempt of a message was posted meanwhile, it is
    `accepted_twice`. A proof that is known already changes nothing.
    """
    connection.execute(PROVED)
    if not connection.execute("SELECT 1 FROM proved LIMIT 1").fetchone():
        return 0
    connection.execute(PROVED_MESSAGES)
    connection.execute(ACCEPTED_TWICE)
    connection.execute(ACCEPT_REQUESTS, {"now": now})
    _send_proved(connection, now)
    (messages,) = connection.execute("SELECT count(*) FROM proved_message").fetchone() or (0,)
    return messages


def settle_taken(connection: Connection, now: datetime) -> None:
    """Whoever was proved as sent while a later attempt was under way goes no more; before every claim."""
    if connection.execute(ANY_TAKEN).fetchone():
        connection.execute(TAKEN_AFTER_ALL)
        _send_proved(connection, now)
        connection.execute(TAKEN_ONCE)


def settle_unknown(
    connection: Connection, now: datetime, *, policy: UnknownPolicy, after: timedelta, resend_limit: int
) -> Settled:
    """What events prove, and for what stays unproved longer than `after` what the policy says."""
    settle_taken(connection, now)
    (since,) = connection.execute(OLDEST_UNDECIDED).fetchone() or (None,)
    if since is None:
        return Settled()
    connection.execute(PROOF_BY_EVENTS, {"since": since})
    proved = prove(connection, now)
    decided = _decide(connection, now, policy, before=now - after, resend_limit=resend_limit)
    return Settled(proved, decided.presumed, decided.resent, decided.failed)


def decide_unknown(
    connection: Connection,
    now: datetime,
    policy: UnknownPolicy,
    *,
    request_id: UUID | None = None,
    resend_limit: int,
) -> Settled:
    """What an operator says of one request, or of all, at once. NotFound where that one is not undecided."""
    if request_id is not None and not connection.execute(IS_UNDECIDED, {"id": request_id}).fetchone():
        raise NotFound("No request of this id is of unknown fate; `xmit unknown` lists them.")
    return _decide(connection, now, policy, before=now, request_id=request_id, resend_limit=resend_limit)


def unknown_requests(connection: Connection) -> list[dict[str, Any]]:
    """Every request of unknown fate, decided or not, and whatever was accepted twice; oldest first."""
    ids = [row["id"] for row in rows_as_dicts(connection, LOOKED_AT)]
    return rows_as_dicts(connection, LISTED, {"ids": ids}) if ids else []


def to_look_up(connection: Connection, before: datetime, limit: int) -> list[dict[str, Any]]:
    """Requests posted, or looked up, before then that nothing has proved: id, posted_at, one of the addresses.

    The address is None where nobody's mail hangs on it any more.
    """
    return rows_as_dicts(connection, LOOKING_UP, {"before": before, "limit": limit})


def looked_up(connection: Connection, request_id: UUID, now: datetime, *, found: bool) -> None:
    """What SendGrid's log says of a request: a find proves it, its absence proves nothing."""
    connection.execute(LOOKED_UP, {"id": request_id, "now": now})
    if found:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE proof AS SELECT $id::UUID AS request_id", {"id": request_id}
        )
        prove(connection, now)


def _send_proved(connection: Connection, now: datetime) -> None:
    """The messages of `proved_message` are sent, and those who waited for it go on from the post."""
    connection.execute(PASSED_BY_PROOF)
    connection.execute(SEND_MESSAGES, {"now": now})
    advance(connection)


def _decide(
    connection: Connection,
    now: datetime,
    policy: UnknownPolicy,
    *,
    before: datetime,
    resend_limit: int,
    request_id: UUID | None = None,
) -> Settled:
    """`resend` lets go who may still be mailed; whoever may not is presumed sent under either policy."""
    connection.execute(UNDECIDED, {"before": before, "id": request_id})
    (waiting,) = connection.execute("SELECT count(*) FROM undecided").fetchone() or (0,)
    failed = resent = 0
    if policy is UnknownPolicy.RESEND:
        connection.execute(RESENDING, {"now": now})
        connection.execute(SPENT, {"resend_limit": resend_limit})
        (failed,) = connection.execute(FAIL_SPENT, {"now": now}).fetchone() or (0,)
        connection.execute(EXIT_SPENT)
        exit_enrollments(connection, now)
        (resent,) = connection.execute(WAIT_AGAIN).fetchone() or (0,)
        connection.execute(DUE_AGAIN)
        connection.execute(COUNT_ANEW)
    connection.execute(PRESUME, {"now": now})
    connection.execute(PASSED_BY_PRESUMPTION)
    advance(connection)
    decided = "resent" if resent else "presumed"
    connection.execute(DECIDE, {"decided": decided, "before": before, "id": request_id})
    return Settled(presumed=waiting - failed - resent, resent=resent, failed=failed)
