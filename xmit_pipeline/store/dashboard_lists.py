"""What the dashboard asks of lists beyond their rows: who starts from them."""

from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.keyset import Cut, Mark, cut_rows

TRIGGERS = """
SELECT id, name, status, trigger_list_id FROM sequence
WHERE trigger_type = 'list_add' AND trigger_list_id IS NOT NULL AND deleted_at IS NULL AND status <> 'archived'
  AND ($list_id::UUID IS NULL OR trigger_list_id = $list_id)
ORDER BY created_at, id
"""

FOUND = """
SELECT id, created_at AS at FROM list
WHERE deleted_at IS NULL AND ($q::VARCHAR IS NULL OR contains(lower(name), lower($q)))
"""

SHOWN = """
SELECT list.id, list.name, list.description, list.created_at, coalesce(members.contact_count, 0) AS contact_count
FROM shown
JOIN list ON list.id = shown.id
LEFT JOIN (SELECT list_id, count(*) AS contact_count FROM list_member GROUP BY list_id) AS members
    ON members.list_id = list.id
"""

NAMES = "SELECT id, name FROM list WHERE deleted_at IS NULL ORDER BY lower(name), id LIMIT 1000"


def lists_cut(connection: Connection, *, q: str | None = None, mark: Mark | None = None) -> Cut:
    """Lists with their `contact_count`, newest first, searched by name."""
    return cut_rows(connection, FOUND, SHOWN, {"q": q}, mark)


def sequences_from(connection: Connection, list_id: UUID | None = None) -> dict[UUID, list[dict[str, Any]]]:
    """The sequences that a list enrolls in, archived ones left out, by list: of one, or of all."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows_as_dicts(connection, TRIGGERS, {"list_id": list_id}):
        found.setdefault(row["trigger_list_id"], []).append(row)
    return found


def list_names(connection: Connection) -> list[dict[str, Any]]:
    """Lists by name, `id` and `name`, for a choice."""
    return rows_as_dicts(connection, NAMES)
