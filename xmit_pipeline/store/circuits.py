"""The circuit to SendGrid: open while it is in trouble, with the time of the next probe (SPEC 6.5, 6.6).

At most one is open at a time; closed ones stay as history.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.circuits import probe_after
from xmit_pipeline.model.clock import iso
from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.store.connection import Connection, rows_as_dicts

OPEN = "SELECT * FROM circuit WHERE closed_at IS NULL ORDER BY opened_at DESC LIMIT 1"

INSERT = """
INSERT INTO circuit (id, cause, words, opened_at, failures, probe_at)
VALUES (uuidv7(), $cause, $words, $now, 1, $probe_at)
"""

FAIL_AGAIN = """
UPDATE circuit SET failures = $failures, probe_at = $probe_at, cause = $cause, words = $words WHERE id = $id
"""


@dataclass(frozen=True, slots=True)
class Circuit:
    """One spell of trouble. `failures`: the answers that opened it count as one, then each failed probe."""

    id: UUID
    cause: Cause
    words: str
    opened_at: datetime
    failures: int
    probe_at: datetime

    @property
    def told(self) -> str:
        """A sentence for a person."""
        return (
            f"Sending has stopped since {iso(self.opened_at.replace(microsecond=0))}: {self.words.rstrip('.')}. "
            f"One message tries again at {iso(self.probe_at.replace(microsecond=0))}."
        )


def open_circuit(connection: Connection) -> Circuit | None:
    """The circuit that is open, or None where all is well."""
    rows = rows_as_dicts(connection, OPEN)
    return _circuit(rows[0]) if rows else None


def fail_circuit(
    connection: Connection, now: datetime, cause: Cause, words: str, wait: float | None = None
) -> bool:
    """Open the circuit, or put its next probe off; whether it was opened just now. `wait`: seconds asked for."""
    present = open_circuit(connection)
    failures = present.failures + 1 if present else 1
    row = {"cause": cause.value, "words": words, "probe_at": now + probe_after(failures, wait)}
    if present:
        connection.execute(FAIL_AGAIN, {**row, "failures": failures, "id": present.id})
    else:
        connection.execute(INSERT, {**row, "now": now})
    return present is None


def close_circuit(connection: Connection, now: datetime) -> None:
    """SendGrid serves again."""
    connection.execute("UPDATE circuit SET closed_at = $now WHERE closed_at IS NULL", {"now": now})


def _circuit(row: dict[str, Any]) -> Circuit:
    return Circuit(
        row["id"], Cause(row["cause"]), row["words"], row["opened_at"], row["failures"], row["probe_at"]
    )
