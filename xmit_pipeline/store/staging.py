"""Contact files staged aside, and taken from there in slices; staging holds no turn of the store (PAINS G4)."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.connection import Connection, frame
from xmit_pipeline.store.contact_files import StagedFile, stage_contact_file

SLICE = 50_000
"""Contacts a transaction brings in: its turn stays well under a second."""

NUMBERED = """
CREATE OR REPLACE TEMP TABLE numbered AS
SELECT *, row_number() OVER (ORDER BY line) - 1 AS ordinal FROM staged_contact
"""

ONE_SLICE = """
SELECT * EXCLUDE (ordinal) FROM numbered
WHERE ordinal BETWEEN getvariable('first') AND getvariable('last')
ORDER BY ordinal
"""

NAMED = """
SELECT email FROM staged_contact
UNION
SELECT lower(address) FROM refused_row WHERE address IS NOT NULL
"""


@contextmanager
def staging_area() -> Generator[Connection]:
    """A DuckDB of its own on disk, gone afterwards; `stage_contact_file` fills it."""
    with TemporaryDirectory(prefix="xmit-import-") as folder:
        connection = duckdb.connect(str(Path(folder) / "staging.duckdb"))
        try:
            yield connection
        finally:
            connection.close()


def stage(aside: Connection, path: Path) -> StagedFile:
    """The file's rows into `staged_contact` and `refused_row`. BadInput whatever DuckDB finds wrong."""
    try:
        return stage_contact_file(aside, path, {})
    except duckdb.Error as error:
        raise BadInput(f"{path.name} can't be read: {str(error).splitlines()[0]}") from error


def slices(aside: Connection, size: int) -> Iterator[pl.DataFrame]:
    """The rows of `staged_contact` in the file's order, so many at a time; one empty slice where there are none."""
    aside.execute(NUMBERED)
    (total,) = aside.execute("SELECT count(*) FROM numbered").fetchone() or (0,)
    for first in range(0, max(total, 1), size):
        yield frame(aside, ONE_SLICE, {"first": first, "last": first + size - 1})


def refused_rows(aside: Connection) -> pl.DataFrame:
    """Line, address and reason of every row that was refused."""
    return pl.DataFrame(aside.sql("FROM refused_row ORDER BY line"))


def named_addresses(aside: Connection) -> pl.DataFrame:
    """Every address that the file names, `email` in folded form: also those in rows refused for something else."""
    return pl.DataFrame(aside.sql(NAMED))
