"""Two mails to one person keep apart: the later one waits (SPEC 6.1, `contact_gap_minutes`; off by default)."""

from datetime import datetime, timedelta
from uuid import UUID

from xmit_pipeline.store.connection import Connection

LATELY_MAILED = """
DELETE FROM due
WHERE contact_id IN (
    SELECT contact_id FROM message
    WHERE state = 'claimed' OR (state IN ('sent', 'unknown') AND sent_at > $since))
"""

LATELY = """
SELECT contact_id, max(sent_at) AS mailed_at FROM message
WHERE state = 'claimed' OR (state IN ('sent', 'unknown') AND sent_at > $since)
GROUP BY contact_id
"""

NOT_LATELY_MAILED = f"contact_id NOT IN (SELECT contact_id FROM ({LATELY}))"  # noqa: S608  (a constant subquery)

KEPT_APART = f"""
SELECT enrollment.step_id, count(*), min(lately.mailed_at)
FROM enrollment JOIN ({LATELY}) AS lately ON lately.contact_id = enrollment.contact_id
WHERE enrollment.status = 'active' AND enrollment.due_at <= $now
  AND (enrollment.not_before IS NULL OR enrollment.not_before <= $now)
GROUP BY enrollment.step_id
"""  # noqa: S608  (a constant subquery)

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


def kept_apart(
    connection: Connection, now: datetime, gap: timedelta
) -> dict[UUID, tuple[int, datetime | None]]:
    """By step: how many due people were mailed less than `gap` ago, and when the first of them may go."""
    if not gap:
        return {}
    found = connection.execute(KEPT_APART, {"now": now, "since": now - gap}).fetchall()
    return {step_id: (people, at and at + gap) for step_id, people, at in found}


def apart_until(connection: Connection, contact_id: UUID, now: datetime, gap: timedelta) -> datetime | None:
    """Until when this person gets no other mail; None where nothing keeps them."""
    if not gap:
        return None
    row = connection.execute(
        f"SELECT mailed_at FROM ({LATELY}) WHERE contact_id = $contact_id",  # noqa: S608  (a constant subquery)
        {"since": now - gap, "contact_id": contact_id},
    ).fetchone()
    return (row[0] or now) + gap if row else None


def pick_each_once(connection: Connection, gap: timedelta) -> None:
    """Of several picked mails to one person the first stays in `picked`; no gap, all of them."""
    if gap:
        connection.execute(TWICE_PICKED)
