"""The record of ticks: what each did, when by its own clock and when by the wall's (SPEC 6.10)."""

from datetime import datetime
from typing import Any

from xmit_pipeline.store.connection import Connection, rows_as_dicts

START = """
INSERT INTO tick (id, place, moment, simulated, started_at, superseded, claimed, sent, skipped, failed, unknown,
    deferred)
SELECT $id, coalesce(max(place), 0) + 1, $moment, $simulated, $started_at, $superseded, 0, 0, 0, 0, 0, 0 FROM tick
"""

FINISH = """
UPDATE tick SET finished_at = $finished_at, note = $note, claimed = $claimed, sent = $sent, skipped = $skipped,
    failed = $failed, unknown = $unknown, deferred = $deferred, unanswered = $unanswered
WHERE id = $id
"""

UNANSWERED = """
SELECT unanswered FROM tick WHERE finished_at IS NOT NULL ORDER BY place DESC LIMIT 1
"""


def start_tick(
    connection: Connection,
    tick_id: str,
    moment: datetime,
    started_at: datetime,
    *,
    simulated: bool,
    refused: bool = False,
) -> None:
    """Write down that a tick began; a refused one leaves no mark on the clock."""
    connection.execute(
        START,
        {
            "id": tick_id,
            "moment": moment,
            "simulated": simulated,
            "started_at": started_at,
            "superseded": refused,
        },
    )


def finish_tick(
    connection: Connection,
    tick_id: str,
    finished_at: datetime,
    counts: dict[str, int],
    note: str | None,
    unanswered: int,
) -> None:
    """Write down what it did: claimed, sent, skipped, failed, unknown, deferred; and how its last posts ended."""
    row = {"id": tick_id, "finished_at": finished_at, "note": note, "unanswered": unanswered, **counts}
    connection.execute(FINISH, row)


def unanswered_in_a_row(connection: Connection) -> int:
    """Posts of unknown fate in a row, as the last tick ended (SPEC 6.6)."""
    row = connection.execute(UNANSWERED).fetchone()
    return row[0] if row else 0


def get_tick(connection: Connection, tick_id: str) -> dict[str, Any] | None:
    """One tick's record."""
    rows = rows_as_dicts(connection, "SELECT * FROM tick WHERE id = $id", {"id": tick_id})
    return rows[0] if rows else None


def last_tick(connection: Connection) -> dict[str, Any] | None:
    """The tick that began last, whatever the clock said."""
    rows = rows_as_dicts(connection, "SELECT * FROM tick ORDER BY place DESC LIMIT 1")
    return rows[0] if rows else None


def recent_ticks(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The ticks that began last, the newest first."""
    return rows_as_dicts(connection, "SELECT * FROM tick ORDER BY place DESC LIMIT $limit", {"limit": limit})


def latest_moment(connection: Connection) -> datetime | None:
    """The latest time at which a tick has run, those left out that were superseded."""
    row = connection.execute("SELECT max(moment) FROM tick WHERE NOT superseded").fetchone()
    return row[0] if row else None


def supersede(connection: Connection, now: datetime) -> int:
    """Forget that ticks ran later than now; answers how many had."""
    return len(
        connection.execute(
            "UPDATE tick SET superseded = true WHERE moment > $now AND NOT superseded RETURNING id",
            {"now": now},
        ).fetchall()
    )


def knows_request(connection: Connection, request_id: str) -> bool:
    """Whether the store knows that this request was to be posted, or was reconciled with a journal that ended in it.

    One that it knows as claimed alone is known from before: nothing is posted that is not inflight.
    """
    found = connection.execute(
        "SELECT 1 FROM request WHERE id = $id::UUID AND state <> 'claimed' UNION ALL "
        "SELECT 1 FROM reconciliation WHERE journal_mark = $id::UUID",
        {"id": request_id},
    ).fetchone()
    return found is not None
