"""A sender's change and end (SPEC 2, Delete)."""

from datetime import datetime
from uuid import UUID

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.senders import get_sender

UPDATE = """
UPDATE sender SET
    name = CASE WHEN $renames THEN $name ELSE name END,
    reply_to = CASE WHEN $redirects THEN $reply_to ELSE reply_to END
WHERE id = $id
"""

USED_BY = """
SELECT DISTINCT sequence.name, sequence.created_at, sequence.id
FROM sequence
LEFT JOIN step ON step.sequence_id = sequence.id AND step.deleted_at IS NULL
WHERE sequence.status <> 'archived' AND sequence.deleted_at IS NULL
  AND (sequence.sender_id = $id
    OR step.sender_id = $id
    OR ($is_default AND sequence.status <> 'draft'
        AND sequence.sender_id IS NULL AND step.id IS NOT NULL AND step.sender_id IS NULL))
ORDER BY sequence.created_at, sequence.id
LIMIT 3
"""
"""A started sequence that names no sender uses the default one; a draft takes it only when it is activated."""

PROMOTE = """
UPDATE sender SET is_default = true
WHERE id = (
    SELECT id FROM sender WHERE deleted_at IS NULL ORDER BY verified DESC, created_at, id LIMIT 1)
"""


def update_sender(
    connection: Connection,
    sender_id: UUID,
    *,
    name: str | None,
    renames: bool,
    reply_to: str | None,
    redirects: bool,
) -> None:
    """Change the display name where `renames`, and the Reply-To where `redirects`; None empties it."""
    get_sender(connection, sender_id)
    connection.execute(
        UPDATE,
        {
            "id": sender_id,
            "name": name,
            "renames": renames,
            "reply_to": reply_to,
            "redirects": redirects,
        },
    )


def delete_sender(connection: Connection, sender_id: UUID, now: datetime) -> None:
    """Forget a sender; where it was the default, the oldest verified one left is. Conflict while it is in use."""
    sender = get_sender(connection, sender_id)
    refuse_sender_in_use(connection, sender_id)
    connection.execute(
        "UPDATE sender SET deleted_at = $now, is_default = false WHERE id = $id",
        {"id": sender_id, "now": now},
    )
    if sender["is_default"]:
        connection.execute(PROMOTE)


def refuse_sender_in_use(connection: Connection, sender_id: UUID) -> None:
    """Conflict, naming them, where sequences that are not archived send by a sender."""
    sender = get_sender(connection, sender_id)
    users = connection.execute(USED_BY, {"id": sender_id, "is_default": sender["is_default"]}).fetchall()
    if users:
        names = ", ".join(repr(name) for name, *_ in users)
        raise Conflict(f"This sender is used by {names}; archive that, or give it another sender, first.")
