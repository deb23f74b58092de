"""What SendGrid is to be told of suppressions here: what was lifted, and, where that is wanted, what is new (SPEC 7).

A row of `suppression_told` is written once SendGrid has taken it, so whatever failed is told again. No HTTP here.
"""

from datetime import datetime

import polars as pl

from xmit_pipeline.store.connection import Connection, frame, offered

LISTS = """(VALUES ('bounce', 'bounces'), ('bounce', 'invalid_emails'), ('complaint', 'spam_reports'),
    ('unsubscribe', 'global')) AS place (reason, list)"""
"""Which of SendGrid's lists may hold an address for which reason."""

TO_LIFT = f"""
WITH listed AS (
    SELECT suppression.id, suppression.email, suppression.lifted_at, place.list
    FROM suppression JOIN {LISTS} ON place.reason = suppression.reason
    UNION
    SELECT suppression.id, suppression.email, suppression.lifted_at, told.target
    FROM suppression JOIN suppression_told AS told ON told.suppression_id = suppression.id AND told.what = 'pushed'
)
SELECT id::VARCHAR AS suppression_id, email, list FROM listed
WHERE lifted_at IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM suppression_told AS told
    WHERE told.suppression_id = listed.id AND told.what = 'lifted' AND told.target = listed.list)
  AND NOT EXISTS (
    SELECT 1 FROM listed AS standing
    WHERE standing.email = listed.email AND standing.list = listed.list AND standing.lifted_at IS NULL)
ORDER BY lifted_at, id
LIMIT getvariable('most')
"""  # noqa: S608  (a constant list)
"""A row a list that may hold the address by a suppression that is over; not while another one keeps it there."""

TO_PUSH = """
SELECT id::VARCHAR AS suppression_id, email FROM suppression
WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > getvariable('moment'))
  AND reason IN ('unsubscribe', 'complaint') AND source <> 'sendgrid'
  AND NOT EXISTS (
    SELECT 1 FROM suppression_told AS told
    WHERE told.suppression_id = suppression.id AND told.what = 'pushed' AND told.target = getvariable('target'))
ORDER BY created_at, id
LIMIT getvariable('most')
"""

TOLD = """
INSERT INTO suppression_told SELECT suppression_id::UUID, what, target, $now FROM telling
"""


def to_lift(connection: Connection, most: int) -> pl.DataFrame:
    """What SendGrid's lists hold no longer by right: suppression_id, email, list (`global` and groups among them)."""
    return frame(connection, TO_LIFT, {"most": most})


def to_push(connection: Connection, target: str, now: datetime, most: int) -> pl.DataFrame:
    """Opt-outs and complaints that SendGrid has not been told of, oldest first: suppression_id, email."""
    return frame(connection, TO_PUSH, {"target": target, "moment": now, "most": most})


def note_told(connection: Connection, told: pl.DataFrame, now: datetime) -> None:
    """Keep what SendGrid has taken: suppression_id, what (`pushed`, `lifted`), target."""
    with offered(connection, "telling", told.select("suppression_id", "what", "target")):
        connection.execute(TOLD, {"now": now})
