"""The raw truth below `XMIT_HOME/events`, as Parquet by UTC day: bodies as they came, and their entries (SPEC 7).

A file is written before the store hears of its entries, so nothing is in the store alone. Entries may stand here
twice, after a death or a repetition of SendGrid's; folding counts them once.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from glob import escape
from pathlib import Path

import duckdb
import polars as pl

from xmit_pipeline.store.connection import Connection, offered
from xmit_pipeline.store.durable import sync_folder
from xmit_pipeline.store.event_entries import Entries, reader
from xmit_pipeline.store.event_ids import joined

FOLDER = "events"
BODIES = "bodies"
"""Beside the days on which events happened: the days on which bodies came."""

COPY = "COPY kept TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"


def archive(connection: Connection, home: Path, bodies: pl.DataFrame, found: Entries, name: str) -> None:
    """Keep for good the bodies that could be read, and their entries, each in one file a day.

    An entry names its body's `file` and its `position` there. The same name again replaces the same files.
    """
    folder = home / FOLDER
    whole = bodies.select("content", "received_at", file="name").filter(
        ~pl.int_range(pl.len()).is_in(found.broken)
    )
    for path, of_day in _by_day(folder / BODIES, name, whole, "received_at"):
        with _durably(path) as fresh, offered(connection, "kept", of_day):
            connection.execute(COPY.format(path=str(fresh).replace("'", "''")))
    file = bodies.get_column("name").gather(found.rows.get_column("body")).alias("file")
    entries = found.rows.drop("body").insert_column(0, file)
    for path, of_day in _by_day(folder, name, entries, "happened_at"):
        with _durably(path) as fresh:
            of_day.write_parquet(fresh, compression="zstd", compression_level=1)


def withdraw(home: Path, name: str) -> None:
    """Take back what was kept under this name: the store refused it, and would refuse it again in a replay."""
    for path in (home / FOLDER).rglob(f"{escape(name)}.parquet"):
        path.unlink(missing_ok=True)


def archived_days(home: Path, first: date, last: date) -> list[date]:
    """The days from first to last of which something is kept."""
    count = (last - first).days + 1
    days = (first + timedelta(days=number) for number in range(count))
    return [day for day in days if (home / FOLDER / f"{day:%Y-%m-%d}").is_dir()]


def archived_rows(home: Path, day: date) -> Iterator[pl.DataFrame]:
    """A day's rows, a file at a time, in the order in which their bodies came."""
    for path in sorted((home / FOLDER / f"{day:%Y-%m-%d}").glob("*.parquet")):
        rows = pl.read_parquet(path, glob=False)
        yield rows if "message_id" in rows.columns else _with_ids(rows)


def _with_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that were kept when ids were written as halves."""
    with reader() as connection:
        ids = [
            joined(connection, rows.select(high=f"{name}_high", low=f"{name}_low")).alias(f"{name}_id")
            for name in ("message", "request")
        ]
    return rows.with_columns(ids)


def _by_day(folder: Path, name: str, rows: pl.DataFrame, moment: str) -> Iterator[tuple[Path, pl.DataFrame]]:
    """The file of each day; of one day alone, as rows mostly are, without copying them."""
    days = rows.get_column(moment).dt.date()
    different = days.unique()
    for day in different:
        path = folder / f"{day:%Y-%m-%d}" / f"{name}.parquet"
        yield path, rows if len(different) == 1 else rows.filter(days == day)


@contextmanager
def _durably(path: Path) -> Generator[Path]:
    """A name to write under; what stands there then is on disk under its own. OSError where there is no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.part")
    try:
        yield fresh
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(path)
    except duckdb.IOException as error:
        raise OSError(str(error)) from error
    except pl.exceptions.ComputeError as error:
        if "os error" in str(error):  # so does polars say that the disk is full
            raise OSError(str(error)) from error
        raise
    finally:
        if fresh.is_file():
            fresh.unlink()
    sync_folder(path.parent)
    sync_folder(path.parent.parent)
