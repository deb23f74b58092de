"""The raw truth: every entry as it came, as Parquet by UTC day, below `XMIT_HOME/events` (SPEC 7, DESIGN 3).

A file is written before the store hears of its entries, so nothing is in the store alone. Entries may stand here
twice, after a death or a repetition of SendGrid's; folding counts them once.
"""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from xmit_pipeline.store.durable import sync_folder

FOLDER = "events"


def archive(home: Path, rows: pl.DataFrame, name: str) -> None:
    """Keep rows of `store.event_entries` for good, in one file a day on which they happened.

    The same name again replaces the same file.
    """
    for day, of_day in _by_day(rows):
        folder = home / FOLDER / f"{day:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{name}.parquet", of_day)
        sync_folder(folder)
        sync_folder(folder.parent)


def withdraw(home: Path, name: str) -> None:
    """Take back what was kept under this name: the store refused it, and would refuse it again in a replay."""
    for path in (home / FOLDER).glob(f"*/{name}.parquet"):
        path.unlink(missing_ok=True)


def archived_days(home: Path, first: date, last: date) -> list[date]:
    """The days from first to last of which something is kept."""
    count = (last - first).days + 1
    days = (first + timedelta(days=number) for number in range(count))
    return [day for day in days if (home / FOLDER / f"{day:%Y-%m-%d}").is_dir()]


def archived_rows(home: Path, day: date) -> Iterator[pl.DataFrame]:
    """A day's rows, a file at a time, in the order in which they were folded."""
    for path in sorted((home / FOLDER / f"{day:%Y-%m-%d}").glob("*.parquet")):
        yield pl.read_parquet(path)


def _by_day(rows: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    """The rows of each day; of one day alone, as they mostly are, without copying them."""
    days = rows.get_column("happened_at").dt.date()
    different = days.unique()
    for day in different:
        yield day, rows if len(different) == 1 else rows.filter(days == day)


def _write(path: Path, rows: pl.DataFrame) -> None:
    fresh = path.with_name(f".{path.name}.part")
    with fresh.open("wb") as file:
        rows.write_parquet(file, compression="zstd", compression_level=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
