"""Days of events rebuilt from the raw truth: what the store holds of them is put as the archive has it (SPEC 7).

Nothing dips on the way: entries are replaced slice by slice, and what the archive does not know goes last.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection, Store, offered
from xmit_pipeline.store.event_archive import archived_days, archived_rows
from xmit_pipeline.store.event_feedback import refresh_feedback
from xmit_pipeline.store.event_rows import KEY, WRITE, once_each, take_new, told_here
from xmit_pipeline.store.events import SLICE_ROWS, events_lock
from xmit_pipeline.store.metrics import refresh_step_metrics

PATIENCE_SECONDS = 120
"""How long to wait for a fold that is under way."""

REMOVE_KNOWN = """
DELETE FROM event USING known
WHERE event.identity = known.identity AND event.message_id IS NOT DISTINCT FROM known.message_id
"""

KNOWN_ROWS = "(SELECT told.*, known.folded_at FROM told JOIN known ON known.place = told.place)"

TOUCHED_KNOWN = """
CREATE OR REPLACE TEMP TABLE touched_message AS
SELECT DISTINCT message_id FROM known WHERE message_id IS NOT NULL
"""

STRAY = """
CREATE OR REPLACE TEMP TABLE stray AS
SELECT event.message_id, event.identity
FROM event
LEFT JOIN (SELECT identity, message_id::UUID AS message_id FROM archived) AS kept
    ON kept.identity = event.identity AND kept.message_id IS NOT DISTINCT FROM event.message_id
WHERE event.happened_at >= $begin AND event.happened_at < $end AND kept.identity IS NULL
"""

REMOVE_STRAY = """
DELETE FROM event USING stray
WHERE event.identity IS NOT DISTINCT FROM stray.identity AND event.message_id IS NOT DISTINCT FROM stray.message_id
  AND event.happened_at >= $begin AND event.happened_at < $end
"""

TOUCHED_STRAY = """
CREATE OR REPLACE TEMP TABLE touched_message AS
SELECT DISTINCT message_id FROM stray WHERE message_id IS NOT NULL
"""


@dataclass(slots=True)
class ReplayReport:
    """Days of which something is archived, their events, how many the store lacked, and how many it held alone."""

    days: int = 0
    events: int = 0
    missing: int = 0
    stray: int = 0


def replay_days(store: Store, settings: Settings, first: date, last: date, now: datetime) -> ReplayReport:
    """Rebuild the events of these UTC days from the archive, and every figure that rests on them.

    An event that the store lacked has its consequences at the next tick. Raises filelock.Timeout where a fold
    does not end.
    """
    report = ReplayReport()
    with events_lock(settings.home).acquire(timeout=PATIENCE_SECONDS):
        for day in archived_days(settings.home, first, last):
            _replay_day(store, settings, day, now, report)
            report.days += 1
    refresh_step_metrics(store, "replay", now)
    return report


def _replay_day(store: Store, settings: Settings, day: date, now: datetime, report: ReplayReport) -> None:
    keys = [pl.DataFrame(schema={"message_id": pl.Binary, "identity": pl.UInt64})]
    for rows in archived_rows(settings.home, day):
        keys.append(rows.select(KEY))
        for part in once_each(rows).iter_slices(SLICE_ROWS):
            with store.transaction() as connection:
                report.missing += _restore(connection, part, now)
    known = pl.concat(keys).unique()
    begin = datetime.combine(day, time(), UTC)
    with store.transaction() as connection:
        report.stray += _remove_stray(connection, known, begin)
    report.events += known.height


def _restore(connection: Connection, rows: pl.DataFrame, now: datetime) -> int:
    """Put the known rows as the archive has them; answers how many were missing."""
    told = told_here(connection, rows)
    connection.execute(REMOVE_KNOWN)
    with offered(connection, "told", told):
        connection.execute(WRITE.format(folded_at="folded_at", rows=KNOWN_ROWS))
    new = take_new(connection, told, now)
    connection.execute(TOUCHED_KNOWN)
    refresh_feedback(connection)
    return int(new.get_column("count").sum())


def _remove_stray(connection: Connection, archived: pl.DataFrame, begin: datetime) -> int:
    span = {"begin": begin, "end": begin + timedelta(days=1)}
    with offered(connection, "archived", archived):
        connection.execute(STRAY, span)
    (removed,) = connection.execute(REMOVE_STRAY, span).fetchone() or (0,)
    if removed:
        connection.execute(TOUCHED_STRAY)
        refresh_feedback(connection)
    return removed
