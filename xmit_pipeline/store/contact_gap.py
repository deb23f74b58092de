"""Two mails to one person keep apart: the later one waits (SPEC 6.1, `contact_gap_minutes`; off by default)."""

from datetime import datetime, timedelta

from xmit_pipeline.store.connection import Connection

LATELY_MAILED = """
DELETE FROM due
WHERE contact_id IN (
    SELECT contact_id FROM message
    WHERE state = 'claimed' OR (state IN ('sent', 'unknown') AND sent_at > $since))
"""

TWICE_PICKED = """
DELETE FROM picked
WHERE enrollment_id IN (
    SELECT enrollment_id FROM picked
    QUALIFY row_number() OVER (PARTITION BY contact_id ORDER BY priority, turn, due_at, enrollment_id) > 1)
"""


def leave_out_lately_mailed(connection: Connection, now: datetime, gap: timedelta) -> None:
    """Whoever got a mail less than `gap` ago, or stands in a request right now, leaves `due`; no gap, nobody."""
    if gap:
        connection.execute(LATELY_MAILED, {"since": now - gap})


def pick_each_once(connection: Connection, gap: timedelta) -> None:
    """Of several picked mails to one person the first stays in `picked`; no gap, all of them."""
    if gap:
        connection.execute(TWICE_PICKED)
