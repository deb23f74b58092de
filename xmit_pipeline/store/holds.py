"""What waits for a person: held steps and senders, with the words that held them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts

HELD = """
SELECT 'step' AS kind, id, sequence_id, name, hold_reason AS reason, held_at FROM step
WHERE held_at IS NOT NULL AND deleted_at IS NULL
UNION ALL
SELECT 'sender', id, NULL, email, hold_reason, held_at FROM sender WHERE held_at IS NOT NULL AND deleted_at IS NULL
ORDER BY held_at
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """One step or sender that nothing is sent with; a step names its sequence."""

    kind: str
    id: UUID
    sequence_id: UUID | None
    name: str
    reason: str
    held_at: datetime


def holds(connection: Connection) -> list[Hold]:
    """Everything held, oldest first."""
    return [Hold(**row) for row in rows_as_dicts(connection, HELD)]
