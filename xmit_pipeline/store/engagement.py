"""When each contact was last reached, last opened and last clicked, folded from events as they come (SPEC 7).

Which opens and clicks are human is `message_feedback`'s to say (`store.event_feedback`). Mail of the time before
this store, whose events name no message of ours, counts by address. A contact touched by an event, or whose address is
new or another, is worked out anew from all of theirs: order, repetition and lateness change nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from xmit_pipeline.store.connection import Connection, Store, rows_as_dicts

MANY = 200_000
"""Events from which on the fold is cut into buckets of contacts, a short transaction each."""
BUCKETS = 16

MARK = "SELECT folded_through, before, there FROM engagement_mark"

COUNTS = """
SELECT count(*) FILTER (folded_at < $mark) AS before, count(*) FILTER (folded_at >= $mark) AS since FROM event
"""

AHEAD = """
SELECT last.at, count(*) FILTER (event.folded_at < last.at), count(*) FILTER (event.folded_at = last.at)
FROM event, (SELECT max(folded_at) AS at FROM event) AS last
GROUP BY last.at
"""
"""The mark that a fold of everything there is leaves behind; what comes meanwhile stays ahead of it."""

READDRESSED = """
SELECT contact.id AS contact_id
FROM contact LEFT JOIN contact_engagement AS known ON known.contact_id = contact.id
WHERE contact.email IS DISTINCT FROM known.email AND (known.contact_id IS NOT NULL OR contact.email IN (
    SELECT email FROM event WHERE message_id IS NULL AND effect IN ('delivered', 'opened', 'clicked')))
"""
"""Whose address is not the one that they were counted by: imported after their events, changed, or deleted."""

TOUCHED = f"""
CREATE OR REPLACE TEMP TABLE touched_contact AS
SELECT DISTINCT contact_id FROM (
    SELECT message.contact_id FROM event JOIN message ON message.id = event.message_id
    WHERE event.folded_at >= $since
    UNION ALL
    SELECT contact.id FROM event JOIN contact ON contact.email = event.email
    WHERE event.folded_at >= $since AND event.message_id IS NULL
    UNION ALL
    {READDRESSED}
) AS told
WHERE $buckets = 1 OR hash(contact_id) % $buckets = $bucket
"""  # noqa: S608  (a constant subquery)

SIGNS = """
CREATE OR REPLACE TEMP TABLE sign AS
SELECT message.contact_id, event.effect, event.happened_at,
    CASE event.effect
        WHEN 'opened' THEN NOT event.machine AND feedback.human_opens > 0
        WHEN 'clicked' THEN feedback.human_clicks > 0
        ELSE true
    END AS human
FROM touched_contact
JOIN message ON message.contact_id = touched_contact.contact_id
JOIN event ON event.message_id = message.id
LEFT JOIN message_feedback AS feedback ON feedback.message_id = message.id
WHERE event.effect IN ('delivered', 'opened', 'clicked')
UNION ALL
SELECT contact.id, event.effect, event.happened_at, event.effect <> 'opened' OR NOT event.machine
FROM touched_contact
JOIN contact ON contact.id = touched_contact.contact_id
JOIN event ON event.email = contact.email AND event.message_id IS NULL
WHERE event.effect IN ('delivered', 'opened', 'clicked')
"""

FORGET = """
DELETE FROM contact_engagement
WHERE contact_id IN (SELECT contact_id FROM touched_contact)
   OR ($whole AND ($buckets = 1 OR hash(contact_id) % $buckets = $bucket))
"""

WRITE = """
INSERT INTO contact_engagement (contact_id, email, last_delivered_at, last_opened_at, last_clicked_at)
SELECT sign.contact_id, any_value(contact.email), max(happened_at),
    max(happened_at) FILTER (effect = 'opened' AND human), max(happened_at) FILTER (effect = 'clicked' AND human)
FROM sign JOIN contact ON contact.id = sign.contact_id
GROUP BY sign.contact_id
"""
"""An open or a click says that it was delivered, too."""

SUMMARY = """
SELECT count(*) AS contacts, count(last_opened_at) AS opened, count(last_clicked_at) AS clicked,
    max(greatest(last_opened_at, last_clicked_at)) AS latest
FROM contact_engagement
"""

BEGINNING = "-infinity"
Mark = tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class EngagementFold:
    """How many events were looked at, and whether everything was made anew."""

    events: int
    whole: bool


@dataclass(frozen=True, slots=True)
class EngagementSummary:
    """How many contacts were ever reached, opened and clicked; and the latest sign of life."""

    contacts: int
    opened: int
    clicked: int
    latest: datetime | None


def fold_engagement(store: Store, *, whole: bool = False) -> EngagementFold:
    """Work out anew everyone whom an event has touched since the last fold; everybody where `whole`.

    Everybody too where events of the time before the last fold were added or taken away since, as a replay does.
    """
    with store.snapshot() as connection:
        known, ahead = connection.execute(MARK).fetchone(), connection.execute(AHEAD).fetchone()
        since, events, whole = _ahead(connection, known, whole=whole)
        if not events and not whole and not _somebody_readdressed(connection):
            return EngagementFold(0, whole=False)
    buckets = BUCKETS if events > MANY else 1
    for bucket in range(buckets):
        with store.transaction() as connection:
            _fold_bucket(connection, since, bucket, buckets, whole=whole)
            if bucket == buckets - 1:
                _remember(connection, known, ahead)
    return EngagementFold(events, whole)


def engagement_summary(connection: Connection) -> EngagementSummary:
    """Counts over everybody who was ever reached."""
    [row] = rows_as_dicts(connection, SUMMARY)
    return EngagementSummary(**row)


def _ahead(connection: Connection, known: Mark, *, whole: bool) -> tuple[datetime | str, int, bool]:
    """From when on to look, at how many events, and whether at all contacts."""
    if known is None:
        (events,) = connection.execute("SELECT count(*) FROM event").fetchone() or (0,)
        return BEGINNING, events, whole
    folded_through, known_before, known_there = known
    before, since = connection.execute(COUNTS, {"mark": folded_through}).fetchone() or (0, 0)
    if whole or before != known_before or since < known_there:
        return BEGINNING, before + since, True
    return folded_through, 0 if since == known_there else since, False


def _somebody_readdressed(connection: Connection) -> bool:
    return connection.execute(f"{READDRESSED} LIMIT 1").fetchone() is not None


def _remember(connection: Connection, known: Mark, ahead: Mark) -> None:
    """Leave the mark; where somebody took the old one away meanwhile, everything is to be folded anew."""
    if connection.execute(MARK).fetchone() != known:
        return
    connection.execute("DELETE FROM engagement_mark")
    if ahead is not None:
        connection.execute(
            "INSERT INTO engagement_mark VALUES ($at, $before, $there)",
            dict(zip(("at", "before", "there"), ahead, strict=True)),
        )


def _fold_bucket(
    connection: Connection, since: datetime | str, bucket: int, buckets: int, *, whole: bool
) -> None:
    part = {"buckets": buckets, "bucket": bucket}
    connection.execute(TOUCHED, {"since": since, **part})
    connection.execute(SIGNS)
    connection.execute(FORGET, {"whole": whole, **part})
    connection.execute(WRITE)
