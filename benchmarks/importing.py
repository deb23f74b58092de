"""A CSV of a million contacts into a list that triggers a sequence; then all of them into a second one, at once."""

from pathlib import Path
from uuid import UUID

import polars as pl

from benchmarks.figures import report, timed
from benchmarks.worlds import NOW, PLAIN_BODY, empty_world
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import lists, senders, sequences, steps
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.enrollments import EnrollResult
from xmit_pipeline.store.existing_members import enroll_pending
from xmit_pipeline.store.imports import import_file

CONTACTS = 1_000_000


def write_csv(path: Path) -> None:
    """So many rows of a plain export."""
    number = pl.int_range(CONTACTS, eager=True).cast(pl.String)
    pl.DataFrame({"number": number}).select(
        pl.format("person{}@example.com", "number").alias("Email Address"),
        pl.format("Name{}", "number").alias("First Name"),
        pl.format("Surname{}", "number").alias("Last Name"),
        pl.format("Company, {}", "number").alias("Company Name"),
        pl.lit("gold").alias("Plan"),
    ).write_csv(path)


def run() -> None:
    """All figures of this module."""
    with empty_world() as (store, settings):
        with store.transaction() as connection:
            domain = senders.add_domain(connection, "bench.example", NOW, verified=True)
            senders.add_sender(connection, domain, "hello@bench.example", NOW)
            list_id = lists.create_list(connection, "News", NOW)
        _activate(store, list_id, "first")
        path = settings.home / "people.csv"
        write_csv(path)
        result, seconds = timed(lambda: import_file(store, path, overrides={}, list_id=list_id, now=NOW))
        assert result.enrolled == CONTACTS
        report("import 1 M contacts from CSV into a triggering list", seconds, "s", limit=30, better="lower")
        turns = _enroll_existing(store, list_id)
        report("enroll 1 M existing members", sum(turns), "s", limit=30, better="lower")
        report("the longest turn of it", max(turns), "s", limit=1.5, better="lower")


def _activate(store: EmbeddedStore, list_id: UUID, name: str) -> None:
    with store.transaction() as connection:
        sequence = sequences.create_sequence(
            connection,
            NOW,
            name=name,
            trigger_type=TriggerType.LIST_ADD,
            trigger_list_id=list_id,
            enroll_existing=True,
        )
        steps.add_step(connection, sequence, NOW, name="one", subject="Hi", body_html=PLAIN_BODY)
        sequences.activate(connection, sequence, NOW)


def _enroll_existing(store: EmbeddedStore, list_id: UUID) -> list[float]:
    """The seconds of each turn, the activation's own first."""
    _, first = timed(lambda: _activate(store, list_id, "second"))
    turns = [first]
    while True:
        result, seconds = timed(lambda: _one_turn(store))
        if result is None:
            return turns
        turns.append(seconds)


def _one_turn(store: EmbeddedStore) -> EnrollResult | None:
    with store.transaction() as connection:
        return enroll_pending(connection, NOW)
