"""What SendGrid's suppression lists say, taken in page by page (SPEC 7): the net under a webhook that was down.

A list is pulled over a window of time, from a little before the last one's end. Each page and how far it reaches are
one transaction, so a death loses nothing and the next pull goes on there. No HTTP here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl

from xmit_pipeline.model.addresses import ADDRESS_EDGES
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store.connection import Connection, frame, offered, rows_as_dicts
from xmit_pipeline.store.suppressions import suppress_staged

SOURCE = "sendgrid"
"""What stands on a suppression that a pull brought."""
OVERLAP = timedelta(hours=3)
"""How far a pull looks back behind the last one: entries may come onto a list late, and clocks differ."""


class PulledList(StrEnum):
    """SendGrid's lists that exit people; blocks do not (SPEC 3)."""

    BOUNCES = "bounces"
    INVALID = "invalid_emails"
    SPAM = "spam_reports"
    UNSUBSCRIBES = "unsubscribes"


REASONS = {
    PulledList.BOUNCES: SuppressionReason.BOUNCE,
    PulledList.INVALID: SuppressionReason.BOUNCE,
    PulledList.SPAM: SuppressionReason.COMPLAINT,
    PulledList.UNSUBSCRIBES: SuppressionReason.UNSUBSCRIBE,
}

ENTRY = {"email": pl.String, "created": pl.Int64}
"""A row of a page: the address as SendGrid writes it, and Unix seconds."""

OPEN = """
UPDATE suppression_pull SET window_start = pulled_until - to_seconds($overlap), window_end = $now, window_offset = 0
WHERE list = $list AND window_end IS NULL
"""

PULLED = """
CREATE OR REPLACE TEMP TABLE pulled AS
SELECT lower(trim(email, $edges)) AS email, max(to_timestamp(created)) AS happened_at
FROM entry
WHERE trim(email, $edges) <> '' AND created IS NOT NULL
GROUP BY ALL
"""

LEAVE_LIFTED = """
DELETE FROM pulled WHERE EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.email = pulled.email AND suppression.reason = $reason
      AND suppression.lifted_at >= pulled.happened_at)
"""
"""What was lifted here since it came onto the list there is not taken again."""

LEAVE_OWN = """
DELETE FROM pulled WHERE $list = 'unsubscribes' AND EXISTS (
    SELECT 1 FROM suppression JOIN suppression_told AS told ON told.suppression_id = suppression.id
    WHERE suppression.email = pulled.email AND told.what = 'pushed' AND told.target = 'global'
      AND suppression.lifted_at IS NULL)
"""
"""What this program put there itself is no news: a complaint would come back as an unsubscribe."""

FIND = """
INSERT INTO suppression_found
SELECT email, $list, happened_at, $now FROM pulled
WHERE NOT EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.email = pulled.email AND suppression.reason = $reason AND suppression.lifted_at IS NULL
      AND (suppression.expires_at IS NULL OR suppression.expires_at > $now))
"""

SUPPRESSING = """
SELECT email, getvariable('reason') AS reason, getvariable('source') AS source, NULL::TIMESTAMPTZ AS expires_at
FROM pulled
"""

ADVANCE = """
UPDATE suppression_pull SET
    window_offset = CASE WHEN $last THEN 0 ELSE window_offset + $rows END,
    pulled_until = CASE WHEN $last THEN window_end ELSE pulled_until END,
    finished_at = CASE WHEN $last THEN $now ELSE finished_at END,
    window_start = CASE WHEN $last THEN NULL ELSE window_start END,
    window_end = CASE WHEN $last THEN NULL ELSE window_end END
WHERE list = $list AND window_end = $end AND window_offset = $offset
"""


@dataclass(frozen=True, slots=True)
class Window:
    """What is to be asked of a list next; no `start`: from the beginning. Both ends belong to it."""

    pulled: PulledList
    start: datetime | None
    end: datetime
    offset: int


def open_window(connection: Connection, pulled: PulledList, now: datetime) -> Window:
    """The window under way, where the last pull stopped in it; a new one up to now where none is."""
    known = connection.execute(
        "SELECT 1 FROM suppression_pull WHERE list = $list", {"list": pulled}
    ).fetchone()
    if known is None:
        connection.execute(
            "INSERT INTO suppression_pull (list, window_offset) VALUES ($list, 0)", {"list": pulled}
        )
    connection.execute(OPEN, {"list": pulled, "now": now, "overlap": OVERLAP.total_seconds()})
    (row,) = rows_as_dicts(
        connection,
        'SELECT window_start AS start, window_end AS "end", window_offset AS "offset" '
        "FROM suppression_pull WHERE list = $list",
        {"list": pulled},
    )
    return Window(pulled, **row)


def take_page(
    connection: Connection, window: Window, entries: pl.DataFrame, now: datetime, *, last: bool
) -> int:
    """Suppress who stands on a page (`ENTRY`), end their enrollments, and go on behind it; answers how many are new.

    With the `last` page the window closes. Taking a page twice changes nothing.
    """
    names = {"list": window.pulled.value, "reason": REASONS[window.pulled].value}
    with offered(connection, "entry", entries):
        connection.execute(PULLED, {"edges": ADDRESS_EDGES})
    connection.execute(LEAVE_LIFTED, {"reason": names["reason"]})
    connection.execute(LEAVE_OWN, {"list": names["list"]})
    connection.execute(FIND, {**names, "now": now})
    asked = frame(connection, SUPPRESSING, {"reason": names["reason"], "source": SOURCE})
    with offered(connection, "suppressing", asked):
        fresh = suppress_staged(connection, now)
    connection.execute(
        ADVANCE,
        {
            "list": names["list"],
            "end": window.end,
            "offset": window.offset,
            "rows": entries.height,
            "last": last,
            "now": now,
        },
    )
    return fresh
