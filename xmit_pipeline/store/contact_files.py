"""Contact files on their way in: read, checked and merged into temporary tables, nothing stored yet.

What becomes of the staged contacts is `store.contacts`. The statements are in `contact_files_sql`, what
a column's role makes of its values in `contact_files_values`, the file's bytes in `contact_files_source`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from xmit_pipeline.model.addresses import ADDRESS_PATTERN
from xmit_pipeline.model.columns import ColumnMap, map_columns, shown
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store import contact_files_sql as sql
from xmit_pipeline.store.contact_files_source import LAST_ROW, CsvFile, examined, is_parquet, readable
from xmit_pipeline.store.contact_files_values import EDGES, parquet_value, row_expressions

_REJECTS = {"address_pattern": ADDRESS_PATTERN, "last_row": LAST_ROW, "line_ends": "\r\n"}


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file's columns and how many rows it has: rows = staged + repeated + refused.

    `staged` counts distinct addresses, `repeated` the good rows beyond each address's first. Rows without
    a single value are no rows.
    """

    columns: ColumnMap
    rows: int
    staged: int
    refused: int
    repeated: int


def stage_contact_file(
    con: duckdb.DuckDBPyConnection, path: Path, overrides: Mapping[str, str]
) -> StagedFile:
    """Reads a CSV or Parquet file into two temporary tables of this connection (SPEC 9, `xmit import`).

    `staged_contact(line, email, first_name, last_name, timezone, status, metadata)` has one row per folded
    address. Rows that repeat an address are merged: of two values for one field or metadata key the later
    wins, and a blank never erases a value. `status` is `unsubscribed`, `bounced` or `complained` where a
    row says so, the tightest where several do, else NULL: an import never loosens. `metadata` is a JSON
    object of what is filled in.

    `refused_row(line, address, reason)` has one row per line that can't be imported. A line is a record's
    number, the header being 1, as a spreadsheet counts; in Parquet the row's number from 1.

    `overrides` is what `--map column=field` says. BadInput where the file can't be read, is neither CSV nor
    Parquet, is empty, or has no column of addresses.
    """
    if not path.is_file():
        raise BadInput(f"{path} is no file." if path.exists() else f"{path} does not exist.")
    con.execute(sql.FORGET_ROWS).fetchall()
    columns, json_places, first_line = (
        _read_parquet(con, path, overrides) if is_parquet(path) else _read_csv(con, examined(path), overrides)
    )
    con.execute(sql.NUMBER_REJECTS, {"first_line": first_line}).fetchall()
    _stage_rows(con, columns, json_places, first_line)
    con.execute(sql.REFUSE_ROWS).fetchall()
    con.execute(sql.REFUSE_REJECTS, _REJECTS).fetchall()
    con.execute(sql.STAGE_CONTACTS).fetchall()
    good, staged, refused = con.execute(sql.COUNT_ROWS).fetchall()[0]
    con.execute(sql.FORGET_ROWS).fetchall()
    return StagedFile(columns, rows=good + refused, staged=staged, refused=refused, repeated=good - staged)


def _read_csv(
    con: duckdb.DuckDBPyConnection, file: CsvFile, overrides: Mapping[str, str]
) -> tuple[ColumnMap, frozenset[int], int]:
    columns = map_columns(file.headers, overrides)
    with readable(file) as path:
        parameters = {
            "path": _verbatim(path),
            "columns": {f"c{place}": "VARCHAR" for place in range(len(file.headers))},
            "delimiter": file.delimiter,
            "blank_lines": file.blank_lines,
        }
        _read(con, sql.READ_CSV, parameters, f"{file.path} can't be read as CSV")
    return columns, frozenset(), file.blank_lines + 2


def _read_parquet(
    con: duckdb.DuckDBPyConnection, path: Path, overrides: Mapping[str, str]
) -> tuple[ColumnMap, frozenset[int], int]:
    parameters, failure = {"path": _verbatim(path)}, f"{path} can't be read as Parquet"
    described = _read(con, sql.PARQUET_COLUMNS, parameters, failure)
    columns = map_columns([name for name, *_ in described], overrides)
    values = [parquet_value(f"p{place}", kind) for place, (_, kind, *_) in enumerate(described)]
    statement = sql.READ_PARQUET.format(
        values=", ".join(f"{value} AS c{place}" for place, (value, _) in enumerate(values)),
        names=", ".join(f"p{place}" for place in range(len(values))),
    )
    _read(con, statement, parameters, failure)
    con.execute(sql.NO_REJECTS).fetchall()
    return columns, frozenset(place for place, (_, is_json) in enumerate(values) if is_json), 1


def _read(
    con: duckdb.DuckDBPyConnection, statement: str, parameters: dict[str, Any], failure: str
) -> list[tuple[Any, ...]]:
    try:
        return con.execute(statement, parameters).fetchall()
    except duckdb.Error as fault:
        raise BadInput(f"{failure}: {str(fault).splitlines()[0]}") from fault


def _stage_rows(
    con: duckdb.DuckDBPyConnection, columns: ColumnMap, json_places: frozenset[int], first_line: int
) -> None:
    statement = sql.STAGE_ROWS.format_map(row_expressions(columns, json_places))
    parameters = EDGES | {"first_line": first_line, "last_row": LAST_ROW}
    headers = [shown(column.header) for column in columns.columns]
    # DuckDB refuses a parameter that the statement does not use
    if "$headers" in statement:
        parameters |= {"headers": headers}
    con.execute(statement, parameters).fetchall()


def _verbatim(path: Path) -> str:
    """The path as DuckDB takes it to the letter: absolute, and no pattern of names."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path.absolute()))
