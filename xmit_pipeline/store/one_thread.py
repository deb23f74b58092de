"""Writing beside work that needs the other cores: a second thread of DuckDB's would mostly wait for the first."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from xmit_pipeline.store.connection import Connection, Store

Write = Callable[[], AbstractContextManager[Connection]]
"""A write transaction to begin."""


@contextmanager
def on_one_thread(store: Store) -> Generator[Write]:
    """Write transactions on one thread; the store has its usual number again at the end.

    DuckDB knows a number of threads for the whole file alone, and forgets it where another process had its turn.
    """
    usual = 1

    @contextmanager
    def write() -> Generator[Connection]:
        nonlocal usual
        with store.transaction() as connection:
            [(threads,)] = connection.execute("SELECT current_setting('threads')").fetchall()
            if threads > 1:
                usual = threads
                connection.execute("SET GLOBAL threads = 1")
            yield connection

    try:
        yield write
    finally:
        if usual > 1:
            with store.transaction() as connection:
                connection.execute(f"SET GLOBAL threads = {usual}")
