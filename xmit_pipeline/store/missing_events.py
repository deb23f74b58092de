"""Whether the event webhook tells everything: what the pull found, and no event told of (SPEC 7)."""

from datetime import datetime, timedelta

from xmit_pipeline.store.connection import Connection

LATE = timedelta(hours=1)
"""How long an event may take before it counts as missing: SendGrid posts within a minute, and again for a day."""
SILENT = timedelta(hours=6)
"""Mail this old without a single event since, where events used to come, is silence."""
REMEMBERED = timedelta(days=30)

FIRST_UNTOLD = """
SELECT min(found.happened_at) FROM suppression_found AS found
WHERE found.found_at > $now::TIMESTAMPTZ - to_seconds($remembered)
  AND found.happened_at < $now::TIMESTAMPTZ - to_seconds($late)
  AND EXISTS (
    SELECT 1 FROM message
    WHERE message.email = found.email AND message.state = 'sent'
      AND message.sent_at BETWEEN found.happened_at - INTERVAL 7 DAYS AND found.happened_at + INTERVAL 1 MINUTE)
  AND NOT EXISTS (
    SELECT 1 FROM event
    WHERE lower(event.email) = found.email
      AND event.kind IN ('bounce', 'dropped', 'spamreport', 'unsubscribe', 'group_unsubscribe')
      AND event.happened_at BETWEEN found.happened_at - INTERVAL 1 DAY AND found.happened_at + INTERVAL 1 DAY)
"""
"""The first thing that befell mail of ours and that only the pull told of."""

LAST_TOLD = "SELECT max(happened_at) FROM event WHERE happened_at <= $moment"

FIRST_SENT = "SELECT min(sent_at) FROM message WHERE state = 'sent'"

SENT_SINCE = """
SELECT 1 FROM message
WHERE state = 'sent' AND sent_at > $told AND sent_at < $now::TIMESTAMPTZ - to_seconds($silent) LIMIT 1
"""


def events_missing_since(connection: Connection, now: datetime) -> datetime | None:
    """From when on SendGrid's events, and every figure made of them, are incomplete; None where nothing says so.

    The last event before the gap, or the first mail where none ever came. Events that come late close the gap by
    themselves; what stays lost marks the figures for 30 days.
    """
    (untold,) = connection.execute(
        FIRST_UNTOLD,
        {"now": now, "remembered": REMEMBERED.total_seconds(), "late": LATE.total_seconds()},
    ).fetchone() or (None,)
    if untold is not None:
        return _last_told(connection, untold) or _first_sent(connection)
    told = _last_told(connection, now)
    if told is None:
        return None
    silent = connection.execute(
        SENT_SINCE, {"told": told, "now": now, "silent": SILENT.total_seconds()}
    ).fetchone()
    return told if silent else None


def _last_told(connection: Connection, moment: datetime) -> datetime | None:
    row = connection.execute(LAST_TOLD, {"moment": moment}).fetchone()
    return row[0] if row else None


def _first_sent(connection: Connection) -> datetime | None:
    row = connection.execute(FIRST_SENT).fetchone()
    return row[0] if row else None
