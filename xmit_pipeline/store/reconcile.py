"""Taking a restored store back into service: what the journal says was posted, written down (SPEC 6.10).

It knows whom each request went to; a message that it brings back is `sent` and `presumed`.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.store.connection import Connection, offered
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.progress import advance

JOURNALLED = {
    "request_id": pl.String,
    "step_id": pl.String,
    "message_id": pl.String,
    "enrollment_id": pl.String,
    "posted_at": pl.Datetime("us", "UTC"),
}
"""A row a message that was posted, as far as the journal knows."""

FORGOTTEN = """
CREATE OR REPLACE TEMP TABLE forgotten AS
SELECT journalled.request_id::UUID AS request_id, journalled.message_id::UUID AS message_id,
    journalled.posted_at, step.id AS step_id, enrollment.id AS enrollment_id, enrollment.sequence_id,
    enrollment.contact_id, contact.email, message.id AS known_message_id,
    coalesce(enrollment.due_at, journalled.posted_at) AS due_at
FROM journalled
LEFT JOIN step ON step.id = journalled.step_id::UUID
LEFT JOIN enrollment ON enrollment.id = journalled.enrollment_id::UUID
LEFT JOIN contact ON contact.id = enrollment.contact_id
LEFT JOIN message ON message.enrollment_id = enrollment.id AND message.step_id = step.id
WHERE NOT EXISTS (SELECT 1 FROM request WHERE request.id = journalled.request_id::UUID)
  AND coalesce(message.state, 'waiting') NOT IN ('sent', 'unknown')
"""

KNOWN_PEOPLE = "DELETE FROM forgotten WHERE step_id IS NULL OR enrollment_id IS NULL RETURNING 1"

REQUESTS = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    created_at, posted_at, settled_at, words)
SELECT forgotten.request_id, 'reconcile', any_value(forgotten.sequence_id), any_value(forgotten.step_id),
    coalesce(any_value(step_sender.sender_id), $nobody::UUID),
    coalesce(any_value(step_sender.domain_id), $nobody::UUID),
    'accepted', count(*), 0, any_value(forgotten.posted_at)::DATE, any_value(forgotten.posted_at),
    any_value(forgotten.posted_at), $now, 'taken back from the journal'
FROM forgotten LEFT JOIN step_sender ON step_sender.step_id = forgotten.step_id
GROUP BY forgotten.request_id
RETURNING 1
"""

WRITE_MESSAGES = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at, overdue,
    request_id, created_at, sent_at, settled_at, resends)
SELECT any_value(message_id), enrollment_id, any_value(sequence_id), step_id, any_value(contact_id),
    coalesce(any_value(email), ''), 'sent', true, min(due_at), false, arg_max(request_id, posted_at), min(posted_at),
    max(posted_at), $now, count(*) - 1
FROM forgotten WHERE known_message_id IS NULL
GROUP BY enrollment_id, step_id
"""

SETTLE_MESSAGES = """
UPDATE message SET state = 'sent', presumed = true, reason = NULL, request_id = posted.request_id,
    sent_at = posted.posted_at, settled_at = $now, resends = message.resends + posted.again
FROM (
    SELECT known_message_id, arg_max(request_id, posted_at) AS request_id, max(posted_at) AS posted_at,
        count(*) - 1 AS again
    FROM forgotten WHERE known_message_id IS NOT NULL GROUP BY known_message_id
) AS posted
WHERE message.id = posted.known_message_id
"""

ATTEMPTS = (
    "INSERT INTO attempt SELECT request_id, coalesce(known_message_id, message_id), false FROM forgotten"
)

PASSED = """
CREATE OR REPLACE TEMP TABLE passed AS
SELECT enrollment_id, arg_max(step_id, posted_at) AS step_id, max(posted_at) AS at
FROM forgotten GROUP BY enrollment_id
"""

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came back from the journal. `strangers`: messages to enrollments or steps that this store lacks."""

    requests: int
    messages: int
    strangers: int


def take_back(
    connection: Connection, now: datetime, journalled: pl.DataFrame, mark: str | None
) -> Reconciled:
    """Write down what a journal says was posted and this store has forgotten; everyone goes on from there.

    `journalled` has the columns of JOURNALLED; `mark` is the journal's newest request. Repeating it changes nothing.
    """
    connection.execute(STEP_SENDERS)
    with offered(connection, "journalled", journalled):
        connection.execute(FORGOTTEN)
    strangers = len(connection.execute(KNOWN_PEOPLE).fetchall())
    requests = len(connection.execute(REQUESTS, {"now": now, "nobody": NOBODY}).fetchall())
    connection.execute(WRITE_MESSAGES, {"now": now})
    connection.execute(SETTLE_MESSAGES, {"now": now})
    connection.execute(ATTEMPTS)
    connection.execute(PASSED)
    advance(connection)
    (messages,) = connection.execute("SELECT count(*) FROM forgotten").fetchone() or (0,)
    connection.execute(
        "INSERT INTO reconciliation VALUES ($now, $mark::UUID, $requests, $messages, $strangers)",
        {"now": now, "mark": mark, "requests": requests, "messages": messages, "strangers": strangers},
    )
    return Reconciled(requests, messages, strangers)
