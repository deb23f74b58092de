"""The store's contract: atomic write transactions, serialized everywhere, and consistent reads.

Callers hold neither across a network call (DESIGN 3). The embedded engine is one DuckDB file.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import duckdb
import polars as pl

from xmit_pipeline.store.first_come import FirstComeLock
from xmit_pipeline.store.migrations import check_identity, migrate
from xmit_pipeline.store.turns import Turns

Connection = duckdb.DuckDBPyConnection
CHECKPOINT_AT = "256MB"
"""Log written before DuckDB folds it into the file: its own 16 MB would stop a tick at every other settlement."""


class Store(Protocol):
    """What every engine offers; the SQL on the connection is the same."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """One atomic write transaction, serialized against every other writer, here and elsewhere."""
        ...

    def snapshot(self) -> AbstractContextManager[Connection]:
        """One consistent read; what it writes is refused."""
        ...


class EmbeddedStore:
    """A DuckDB file, shared by short turns; created and migrated when first opened.

    Raises StoreRefused for a file that is not ours, is of a newer version, or stays locked.
    """

    def __init__(self, path: Path, *, quiet_seconds: float = 1.0, patience_seconds: float = 60.0) -> None:
        self.path = path
        self._writing = FirstComeLock()
        self._ready = False
        self._turns = Turns(
            path,
            self._opened,
            queued=lambda: self._writing.queued,
            quiet_seconds=quiet_seconds,
            patience_seconds=patience_seconds,
        )

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        with self._writing, self._turns.turn() as connection, _atomic(connection, "BEGIN TRANSACTION"):
            yield connection

    @contextmanager
    def snapshot(self, patience_seconds: float | None = None) -> Generator[Connection]:
        """`patience_seconds` shortens the wait of this one read, for who must answer in time."""
        turn = self._turns.turn(patience_seconds)
        with turn as connection, _atomic(connection, "BEGIN TRANSACTION READ ONLY"):
            yield connection

    def close(self, patience_seconds: float | None = None) -> bool:
        """Give the file up at once instead of after the quiet time. False where turns outlast the patience."""
        return self._turns.close(patience_seconds)

    def _opened(self, path: Path) -> Connection:
        if not self._ready:
            check_identity(path)
        root = duckdb.connect(str(path))
        try:
            root.execute("SET GLOBAL TimeZone = 'UTC'")
            root.execute(f"SET GLOBAL checkpoint_threshold = '{CHECKPOINT_AT}'")
            if not self._ready:
                migrate(root)
                self._ready = True
        except BaseException:
            root.close()
            raise
        return root


class _TakenBackError(Exception):
    """Ends a transaction that was for looking only."""


@contextmanager
def rehearsal(store: Store) -> Generator[Connection]:
    """A write transaction that is taken back at its end: what a deed would come to is known, and nothing is done."""
    with suppress(_TakenBackError), store.transaction() as connection:
        yield connection
        raise _TakenBackError


@contextmanager
def _atomic(connection: Connection, begin: str) -> Generator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def frame(connection: Connection, query: str, variables: dict[str, Any] | None = None) -> pl.DataFrame:
    """A query's rows as polars columns; UUIDs arrive as text.

    The query reads `variables` by `getvariable('name')`: a relation with bound parameters costs 30 times as much.
    """
    for name, value in (variables or {}).items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
    # DuckDB 2 refuses a relation while an answer is not read to its end
    connection.execute("SELECT 1").fetchall()
    return pl.DataFrame(connection.sql(query))


class _ArrowStream:
    """A frame that shows DuckDB its Arrow C stream alone, so that pyarrow is never asked for."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


@contextmanager
def offered(connection: Connection, name: str, rows: pl.DataFrame) -> Generator[None]:
    """Lets SQL on this connection read a frame as a table of this name."""
    connection.register(name, _ArrowStream(rows))
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # in a transaction that has failed DuckDB 2 refuses this too
            connection.unregister(name)
        raise
    connection.unregister(name)


def rows_as_dicts(
    connection: Connection, query: str, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """A small answer as one dictionary a row."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
