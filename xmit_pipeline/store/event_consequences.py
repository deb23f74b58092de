"""What folded events ask for: addresses suppressed, contacts' status, exits, and soft bounces counted (SPEC 3, 7).

All of it is worked out from the events there are, so that it is the same whichever came first; docs/events.md names
the one thing that can't be undone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from xmit_pipeline.store.connection import Connection, Store, frame, offered
from xmit_pipeline.store.suppression_told import LISTS
from xmit_pipeline.store.suppressions import LOOSEN, expire_suppressions, suppress_staged

SOURCE = "event"
"""What stands on a suppression that an event of SendGrid's made."""
SOFT_SOURCE = "soft_bounces"
SOFT_LASTS = timedelta(days=90)
LIST_SETTLES = timedelta(hours=1)
"""How long SendGrid may go on dropping mail to an address that it has taken off its list."""
SLICE = 20_000
"""Consequences worked through in one transaction."""

TAKE = """
CREATE OR REPLACE TEMP TABLE asked AS
SELECT * FROM event_consequence ORDER BY email, what, happened_at, listed LIMIT $slice
"""

DONE = """
DELETE FROM event_consequence USING asked
WHERE event_consequence.email = asked.email AND event_consequence.what = asked.what
  AND event_consequence.happened_at = asked.happened_at AND event_consequence.listed = asked.listed
"""

LEAVE_LIFTED = """
DELETE FROM asked WHERE what <> 'soft' AND EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.email = asked.email AND suppression.reason = asked.what
      AND suppression.lifted_at > asked.happened_at AND suppression.lifted_at IS DISTINCT FROM suppression.expires_at)
"""
"""A suppression that somebody lifted does not come back by an event from before."""

LEAVE_LISTED = f"""
DELETE FROM asked WHERE listed AND EXISTS (
    SELECT 1 FROM suppression
    JOIN {LISTS} ON place.reason = suppression.reason
    LEFT JOIN suppression_told AS told
        ON told.suppression_id = suppression.id AND told.what = 'lifted' AND told.target = place.list
    WHERE suppression.email = asked.email AND suppression.reason = asked.what AND suppression.lifted_at IS NOT NULL
      AND (told.told_at IS NULL OR told.told_at + to_seconds($settles) >= asked.happened_at))
"""  # noqa: S608  (a constant list)
"""Nor by mail that SendGrid drops because its list has not let the address go yet."""

SUPPRESSING = """
SELECT DISTINCT email, what AS reason, getvariable('source') AS source, NULL::TIMESTAMPTZ AS expires_at
FROM asked WHERE what <> 'soft'
"""

FIRST_CAUSE = """
CREATE OR REPLACE TEMP TABLE cause AS
SELECT contact.id AS contact_id, asked.happened_at, status_of_suppression(asked.what) AS exit_reason
FROM asked JOIN contact ON contact.email = asked.email
WHERE asked.what <> 'soft'
QUALIFY 1 = row_number() OVER (
    PARTITION BY contact.id ORDER BY asked.happened_at, firmness(status_of_suppression(asked.what)) DESC)
"""

NAME_CAUSE = """
UPDATE enrollment SET exit_reason = cause.exit_reason, exit_event_at = cause.happened_at
FROM cause
WHERE enrollment.contact_id = cause.contact_id AND enrollment.status = 'exited'
  AND (enrollment.id IN (SELECT enrollment_id FROM exiting)
    OR enrollment.exit_event_at > cause.happened_at
    OR (enrollment.exit_event_at = cause.happened_at
      AND firmness(cause.exit_reason) > firmness(enrollment.exit_reason)))
"""
"""Of several events the earliest is why somebody left, whichever was folded first."""

SOFT_ROWS = """
CREATE OR REPLACE TEMP TABLE soft_row AS
WITH lifted AS (
    SELECT email, max(lifted_at) AS lifted_at FROM suppression
    WHERE reason = 'bounce' AND lifted_at IS NOT NULL AND lifted_at IS DISTINCT FROM expires_at
    GROUP BY email
),
told AS (
    SELECT event.email, event.effect, event.happened_at,
        coalesce(event.message_id::VARCHAR, event.sg_event_id, event.identity::VARCHAR) AS mail
    FROM event
    LEFT JOIN lifted ON lifted.email = event.email
    WHERE event.effect = 'soft' AND event.email IN (SELECT email FROM asked WHERE what = 'soft')
      AND (lifted.lifted_at IS NULL OR event.happened_at > lifted.lifted_at)
),
enough AS (
    SELECT email FROM told GROUP BY email HAVING $limit > 0 AND count(DISTINCT mail) >= $limit
),
bounce AS (
    SELECT email, mail, min(happened_at) AS happened_at FROM told
    WHERE email IN (FROM enough)
    GROUP BY email, mail
),
row_of AS (
    SELECT bounce.email, bounce.happened_at, max(delivery.happened_at) AS delivered_before
    FROM bounce
    LEFT JOIN event AS delivery
        ON delivery.email = bounce.email AND delivery.effect = 'delivered' AND delivery.happened_at < bounce.happened_at
    GROUP BY bounce.email, bounce.mail, bounce.happened_at
),
lasting AS (
    SELECT email, max(happened_at) + to_days($days) AS expires_at, list_sort(list(happened_at))[$limit] AS reached_at
    FROM row_of
    GROUP BY email, delivered_before
    HAVING count(*) >= $limit
)
SELECT email, max(expires_at) AS expires_at, min(reached_at) AS reached_at
FROM lasting WHERE expires_at > $now GROUP BY email
"""
"""Addresses with so many soft bounces and no delivery between them, since which of them, and until when it counts."""

SOFT_CAUSE = """
CREATE OR REPLACE TEMP TABLE cause AS
SELECT contact.id AS contact_id, soft_row.reached_at AS happened_at, 'bounced' AS exit_reason
FROM soft_row JOIN contact ON contact.email = soft_row.email
"""

WITHDRAW_SOFT = """
CREATE OR REPLACE TEMP TABLE lapsing AS
SELECT id, email, reason, expires_at AS ends_at FROM suppression
WHERE source = 'soft_bounces' AND lifted_at IS NULL AND email IN (SELECT email FROM asked WHERE what = 'soft')
"""

FORGET_WITHDRAWN = "DELETE FROM suppression WHERE id IN (SELECT id FROM lapsing)"

SUPPRESSING_SOFT = """
SELECT email, 'bounce' AS reason, getvariable('source') AS source, expires_at FROM soft_row
"""

FORGET_OUTDONE = """
DELETE FROM suppression
WHERE source = 'soft_bounces' AND lifted_at IS NULL AND EXISTS (
    SELECT 1 FROM suppression AS firm
    WHERE firm.email = suppression.email AND firm.reason = 'bounce' AND firm.lifted_at IS NULL
      AND firm.expires_at IS NULL)
"""
"""A bounce for good leaves no room for one that expires, in whichever order they came."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """How many suppressions ran out, and how many are new."""

    expired: int
    suppressed: int


def apply_consequences(store: Store, now: datetime, *, soft_bounce_limit: int) -> Consequences:
    """Do what events ask for, in short transactions; whoever is suppressed exits in the same one."""
    with store.transaction() as connection:
        expired = expire_suppressions(connection, now)
    suppressed, taken = 0, SLICE
    while taken:
        with store.transaction() as connection:
            connection.execute(TAKE, {"slice": SLICE})
            (taken,) = connection.execute(DONE).fetchone() or (0,)
            if taken:
                suppressed += _suppress(connection, now) + _weigh_soft_bounces(
                    connection, now, soft_bounce_limit
                )
    return Consequences(expired, suppressed)


def consequences_wait(connection: Connection) -> bool:
    """Whether a death left something to do: asked by the schedule, read only."""
    return connection.execute("SELECT 1 FROM event_consequence LIMIT 1").fetchone() is not None


def _suppress(connection: Connection, now: datetime) -> int:
    connection.execute(LEAVE_LIFTED)
    connection.execute(LEAVE_LISTED, {"settles": LIST_SETTLES.total_seconds()})
    with offered(connection, "suppressing", frame(connection, SUPPRESSING, {"source": SOURCE})):
        fresh = suppress_staged(connection, now)
    connection.execute(FIRST_CAUSE)
    connection.execute(NAME_CAUSE)
    return fresh


def _weigh_soft_bounces(connection: Connection, now: datetime, limit: int) -> int:
    connection.execute(SOFT_ROWS, {"limit": limit, "days": SOFT_LASTS.days, "now": now})
    connection.execute(WITHDRAW_SOFT)
    (withdrawn,) = connection.execute(FORGET_WITHDRAWN).fetchone() or (0,)
    if withdrawn:
        connection.execute(LOOSEN, {"now": now})
    with offered(connection, "suppressing", frame(connection, SUPPRESSING_SOFT, {"source": SOFT_SOURCE})):
        fresh = suppress_staged(connection, now)
    connection.execute(SOFT_CAUSE)
    connection.execute(NAME_CAUSE)
    connection.execute(FORGET_OUTDONE)
    return fresh
