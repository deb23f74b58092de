"""A look at a contact file's columns before anybody says what they mean: headers, and its first rows."""

import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from xmit_pipeline.model.columns import shown
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.contact_files_source import CsvFile, examined, is_parquet

ROWS = 3

PARQUET_HEAD = "SELECT columns(*)::VARCHAR FROM read_parquet($path, hive_partitioning = false) LIMIT $rows"


@dataclass(frozen=True, slots=True)
class FileHead:
    """A file's headers in its own order, and of its first rows the values, short and on one line each."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def examples(self, place: int) -> list[str]:
        """What the first rows hold in one column, blanks left out."""
        return [row[place] for row in self.rows if place < len(row) and row[place]]


def file_head(path: Path) -> FileHead:
    """Headers and first rows of a CSV or Parquet file. BadInput where it is neither, or empty."""
    head = _parquet_head(path) if is_parquet(path) else _csv_head(examined(path))
    return FileHead(head.headers, tuple(tuple(shown(value) for value in row) for row in head.rows))


def _csv_head(file: CsvFile) -> FileHead:
    with file.path.open(encoding=file.encoding, errors="replace", newline="") as lines:
        try:
            rows = list(islice(csv.reader(lines, delimiter=file.delimiter), file.blank_lines + 1 + ROWS))
        except csv.Error as fault:
            raise BadInput(f"{file.path} can't be read as CSV: {fault}.") from fault
    return FileHead(file.headers, tuple(tuple(row) for row in rows[file.blank_lines + 1 :]))


def _parquet_head(path: Path) -> FileHead:
    with duckdb.connect() as connection:
        try:
            found = connection.execute(PARQUET_HEAD, {"path": str(path.absolute()), "rows": ROWS})
            headers = tuple(column[0] for column in found.description or ())
            rows = tuple(tuple(value or "" for value in row) for row in found.fetchall())
        except duckdb.Error as fault:
            raise BadInput(f"{path} can't be read as Parquet: {str(fault).splitlines()[0]}") from fault
    return FileHead(headers, rows)
