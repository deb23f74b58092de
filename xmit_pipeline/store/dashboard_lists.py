"""What the dashboard asks of lists beyond their rows: who starts from them."""

from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts

TRIGGERS = """
SELECT id, name, status, trigger_list_id FROM sequence
WHERE trigger_list_id IS NOT NULL AND deleted_at IS NULL AND status <> 'archived'
  AND ($list_id::UUID IS NULL OR trigger_list_id = $list_id)
ORDER BY created_at, id
"""

NAMES = "SELECT id, name FROM list WHERE deleted_at IS NULL ORDER BY lower(name), id LIMIT 1000"


def sequences_from(connection: Connection, list_id: UUID | None = None) -> dict[UUID, list[dict[str, Any]]]:
    """The sequences that a list enrolls in, archived ones left out, by list: of one, or of all."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows_as_dicts(connection, TRIGGERS, {"list_id": list_id}):
        found.setdefault(row["trigger_list_id"], []).append(row)
    return found


def list_names(connection: Connection) -> list[dict[str, Any]]:
    """Lists by name, `id` and `name`, for a choice."""
    return rows_as_dicts(connection, NAMES)
