"""Numbered SQL files, each applied once, under the lock; a newer or foreign store is refused untouched."""

import re
from importlib.resources import files
from pathlib import Path

import duckdb

from xmit_pipeline.model.errors import StoreRefused

_NUMBERED = re.compile(r"(\d{4})_\w+\.sql")
_FOLDER = files("xmit_pipeline.store") / "migration_files"


def known_migrations() -> dict[int, str]:
    """Each migration's number and SQL, in order."""
    found = {
        int(match[1]): file.read_text()
        for file in _FOLDER.iterdir()
        if (match := _NUMBERED.fullmatch(file.name))
    }
    return dict(sorted(found.items()))


def check_identity(path: Path) -> None:
    """StoreRefused where a file exists that is not an xmit store, or is of a newer version (SPEC 9)."""
    if not path.exists():
        return
    with duckdb.connect(str(path), read_only=True) as connection:
        version = _version(connection)
        if version is None and _tables(connection):
            raise StoreRefused(
                f"{path} is a DuckDB file, but not an xmit store; it was left untouched. "
                "Point XMIT_DATABASE at another file, or leave it out."
            )
        if version is not None and version > max(known_migrations()):
            raise StoreRefused(
                f"{path} was written by a newer xmit (store version {version}, this program knows "
                f"{max(known_migrations())}); it was left untouched. Upgrade xmit."
            )


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring a store to this program's version, one transaction a file."""
    version = _version(connection) or 0
    for number, sql in known_migrations().items():
        if number > version:
            connection.begin()
            connection.execute(sql)
            connection.execute("INSERT INTO xmit_migration VALUES ($number)", {"number": number})
            connection.commit()


def _version(connection: duckdb.DuckDBPyConnection) -> int | None:
    if "xmit_migration" not in _tables(connection):
        return None
    row = connection.execute("SELECT max(number) FROM xmit_migration").fetchone()
    return row[0] if row else None


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
