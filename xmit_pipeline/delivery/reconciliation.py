"""`xmit reconcile`: a restored store learns from the journal, and the present clock is accepted (SPEC 6.10)."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.delivery.journal import Entry, Journal, Line
from xmit_pipeline.delivery.tick import tick_lock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.reconcile import JOURNALLED, Reconciled, take_back
from xmit_pipeline.store.ticks import accept_clock


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was taken back, and how many ticks lay later than the present clock."""

    taken_back: Reconciled
    later_ticks: int


def reconcile(store: Store, settings: Settings, now: datetime) -> Reconciliation:
    """Take this store and this clock into service; waits for a tick that is sending. Repeating it is harmless."""
    with tick_lock(settings).acquire():
        journal = Journal(settings.journal)
        posted = [line for line in journal.last_words().values() if line.entry is not Entry.NOT_SENT]
        with store.transaction() as connection:
            taken_back = take_back(connection, now, _rows(posted), journal.newest())
            return Reconciliation(taken_back, accept_clock(connection, now))


def _rows(lines: list[Line]) -> pl.DataFrame:
    columns = {
        "request_id": [line.request_id for line in lines],
        "step_id": [line.step_id for line in lines],
        "message_id": [list(line.message_ids) for line in lines],
        "enrollment_id": [list(line.enrollment_ids) for line in lines],
        "posted_at": [line.at for line in lines],
    }
    lists = {**JOURNALLED, "message_id": pl.List(pl.String), "enrollment_id": pl.List(pl.String)}
    return (
        pl.DataFrame(columns, schema=lists)
        .explode("message_id", "enrollment_id")
        .filter(pl.col("message_id").is_not_null())
    )
