"""The record of ticks: what each did, when by its own clock and when by the wall's (SPEC 6.10)."""

from datetime import datetime
from typing import Any

from xmit_pipeline.store.connection import Connection, rows_as_dicts

START = """
INSERT INTO tick (id, moment, simulated, started_at, claimed, sent, skipped, failed, unknown, deferred)
VALUES ($id, $moment, $simulated, $started_at, 0, 0, 0, 0, 0, 0)
"""

FINISH = """
UPDATE tick SET finished_at = $finished_at, note = $note, claimed = $claimed, sent = $sent, skipped = $skipped,
    failed = $failed, unknown = $unknown, deferred = $deferred
WHERE id = $id
"""


def start_tick(
    connection: Connection, tick_id: str, moment: datetime, started_at: datetime, *, simulated: bool
) -> None:
    """Write down that a tick began."""
    connection.execute(
        START, {"id": tick_id, "moment": moment, "simulated": simulated, "started_at": started_at}
    )


def finish_tick(
    connection: Connection, tick_id: str, finished_at: datetime, counts: dict[str, int], note: str | None
) -> None:
    """Write down what it did: claimed, sent, skipped, failed, unknown, deferred."""
    connection.execute(FINISH, {"id": tick_id, "finished_at": finished_at, "note": note, **counts})


def get_tick(connection: Connection, tick_id: str) -> dict[str, Any] | None:
    """One tick's record."""
    rows = rows_as_dicts(connection, "SELECT * FROM tick WHERE id = $id", {"id": tick_id})
    return rows[0] if rows else None


def last_tick(connection: Connection) -> dict[str, Any] | None:
    """The tick that began last, by the wall clock."""
    rows = rows_as_dicts(connection, "SELECT * FROM tick ORDER BY started_at DESC LIMIT 1")
    return rows[0] if rows else None
