"""What a restored store has not heard since its backup: opt-outs by link, and events (SPEC 6.10, 7).

Both are kept outside the store: wishes as long as the journal, events for good.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection, Store, frame, offered
from xmit_pipeline.store.event_archive import FOLDER
from xmit_pipeline.store.event_replay import replay_days
from xmit_pipeline.store.wish_files import folded_wishes, let_wishes_wait
from xmit_pipeline.store.wishes import fold_wishes

SLACK = timedelta(days=1)
"""Events are archived shortly before they are folded, by a clock that may have been set meanwhile."""

KEPT = {"path": pl.String, "message_id": pl.String}

UNHEARD = """
SELECT path FROM kept_wish
WHERE message_id::UUID NOT IN (SELECT message_id FROM link_unsubscribe)
"""

LAST_FOLD = "SELECT max(folded_at) FROM event"


def recall_wishes(store: Store, home: Path) -> None:
    """Folded wishes that this store does not have wait again, so that no tick posts before they are taken in."""
    kept = [
        {"path": str(path), "message_id": str(wish.message_id)} for path, wish in folded_wishes(home).items()
    ]
    with store.snapshot() as connection, offered(connection, "kept_wish", pl.DataFrame(kept, schema=KEPT)):
        unheard = frame(connection, UNHEARD)["path"].to_list()
    let_wishes_wait(home, [Path(path) for path in unheard])


def hear(store: Store, settings: Settings, last_fold: datetime, now: datetime) -> int:
    """Take in the wishes that wait, and the events archived since `last_fold`; answers how many the store lacked.

    Raises filelock.Timeout where a fold of events does not end.
    """
    wishes = fold_wishes(store, settings.home, FixedClock(now))
    days = list(_days_archived_since(settings.home, (last_fold - SLACK).timestamp()))
    return wishes + sum(replay_days(store, settings, day, day, now).missing for day in days)


def last_fold(connection: Connection, now: datetime) -> datetime:
    """When this store last heard of an event; the beginning of time where it never did."""
    (folded,) = connection.execute(LAST_FOLD).fetchone() or (None,)
    return min(folded, now) if folded else datetime.fromtimestamp(SLACK.total_seconds(), now.tzinfo)


def _days_archived_since(home: Path, since: float) -> Iterator[date]:
    for folder in sorted((home / FOLDER).glob("????-??-??")):
        if any(path.stat().st_mtime >= since for path in folder.glob("*.parquet")):
            yield date.fromisoformat(folder.name)
