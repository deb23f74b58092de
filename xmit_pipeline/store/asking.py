"""Questions that a person asks in SQL: one statement, which may read this store and nothing else."""

import duckdb
import polars as pl

from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.connection import Connection, EmbeddedStore, frame

READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


def ask(store: EmbeddedStore, query: str) -> pl.DataFrame:
    """The answer to one read-only query. BadInput for anything else, in DuckDB's own words where it refuses.

    The connection's process can't reach files or extensions any more afterwards; commands that ask, end.
    """
    with store.snapshot() as connection:
        _one_reading_statement(connection, query)
        connection.execute("SET enable_external_access = false")
        try:
            return frame(connection, query)
        except duckdb.Error as error:
            raise BadInput(f"DuckDB can't answer this: {error}") from error


def _one_reading_statement(connection: Connection, query: str) -> None:
    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise BadInput(f"This is not SQL that DuckDB reads: {error}") from error
    if len(statements) != 1 or statements[0].type not in READING:
        raise BadInput(
            "xmit sql answers one SELECT; changes go through the API, the dashboard or the commands."
        )
