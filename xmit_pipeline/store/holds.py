"""Steps and senders that are held, with the words that held them: they wait for a person."""

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


def hold_step(connection: Connection, step_id: str, now: datetime, reason: str) -> None:
    """Nothing more of this step is claimed until someone releases it; nobody exits."""
    connection.execute(
        "UPDATE step SET held_at = $now, hold_reason = $reason WHERE id = $id::UUID AND held_at IS NULL",
        {"now": now, "reason": reason, "id": step_id},
    )


def hold_sender(connection: Connection, sender_id: str, now: datetime, reason: str) -> None:
    """This sender waits until someone releases it, or a probe an hour later is taken; other senders go on."""
    connection.execute(
        "UPDATE sender SET held_at = $now, hold_reason = $reason, probe_at = $now::TIMESTAMPTZ + INTERVAL 1 HOUR "
        "WHERE id = $id::UUID AND held_at IS NULL",
        {"now": now, "reason": reason, "id": sender_id},
    )
