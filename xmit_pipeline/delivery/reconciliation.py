"""`xmit reconcile`: a restored store learns from the journal, and the present clock is accepted (SPEC 6.10)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.delivery.journal import Entry, Journal, Line
from xmit_pipeline.delivery.recovery import fates_by
from xmit_pipeline.delivery.tick import tick_lock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.accepted_clock import accept_clock
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.outbox import open_requests
from xmit_pipeline.store.reconcile import (
    ENTRIES,
    JOURNALLED,
    Reconciled,
    not_in_step,
    settle_open,
    stage_journalled,
    take_back,
)
from xmit_pipeline.store.unheard import hear, last_fold, recall_wishes

REQUESTS = 500
"""Journalled requests laid before the store at a time."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was taken back, how many ticks lay later than the present clock, and what was not heard of before.

    `heard`: opt-outs by link, and events.
    """

    taken_back: Reconciled
    later_ticks: int
    heard: int


def reconcile(store: Store, settings: Settings, now: datetime) -> Reconciliation:
    """Take this store and this clock into service; waits for a tick that is sending. Repeating it is harmless.

    Raises filelock.Timeout where a fold of events does not end; all else is done by then.
    """
    with tick_lock(settings).acquire():
        recall_wishes(store, settings.home)
        journal = Journal(settings.journal)
        words = journal.last_words(_not_in_step(store, journal))
        posted = [line for line in words.values() if line.entry is not Entry.NOT_SENT]
        with store.transaction() as connection:
            stage_journalled(connection, _rows(posted))
            settle_open(connection, now, fates_by(open_requests(connection), words, now))
            taken_back = take_back(connection, now, journal.newest())
            since = last_fold(connection, now)
            later_ticks = accept_clock(connection, now)
        return Reconciliation(taken_back, later_ticks, hear(store, settings, since, now))


def _not_in_step(store: Store, journal: Journal) -> set[str]:
    """Requests of which this store knows less than the journal; a file is looked at at a time."""
    found: set[str] = set()
    for entries in journal.last_entries():
        named = {"request_id": list(entries), "entry": list(entries.values())}
        with store.snapshot() as connection:
            found |= not_in_step(connection, pl.DataFrame(named, schema=ENTRIES))
    return found


def _rows(lines: Sequence[Line]) -> Iterator[pl.DataFrame]:
    """A row of JOURNALLED a message, some requests at a time; a request that tells no messages has one row."""
    lists = {**JOURNALLED, **dict.fromkeys(("message_id", "enrollment_id", "contact_id"), pl.List(pl.String))}
    for first in range(0, len(lines), REQUESTS):
        some = lines[first : first + REQUESTS]
        columns = {
            "place": list(range(first, first + len(some))),
            "request_id": [line.request_id for line in some],
            "accepted": [line.entry is Entry.ACCEPTED for line in some],
            "step_id": [line.step_id or None for line in some],
            "sender_id": [line.sender_id or None for line in some],
            "message_id": [list(line.message_ids) for line in some],
            "enrollment_id": [list(line.enrollment_ids) for line in some],
            "contact_id": [list(line.contact_ids) or [None] * len(line.message_ids) for line in some],
            "posted_at": [line.at for line in some],
        }
        yield pl.DataFrame(columns, schema=lists).explode("message_id", "enrollment_id", "contact_id")
