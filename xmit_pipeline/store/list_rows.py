"""What a list looks like from inside, and its change and end (SPEC 2, Delete)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.lists import get_list
from xmit_pipeline.store.searching import FOUND_BY_TEXT

MEMBERS = f"""
WITH member AS (
    SELECT list_member.contact_id, list_member.added_at
    FROM list_member
    JOIN contact ON contact.id = list_member.contact_id AND contact.deleted_at IS NULL
    WHERE list_member.list_id = $list_id AND ($q::VARCHAR IS NULL OR {FOUND_BY_TEXT})
),
shown AS (
    FROM member ORDER BY added_at DESC, contact_id DESC LIMIT $limit OFFSET $offset
)
SELECT contact.*, shown.added_at, (SELECT count(*) FROM member) AS total
FROM shown JOIN contact ON contact.id = shown.contact_id
ORDER BY shown.added_at DESC, shown.contact_id DESC
"""  # noqa: S608  (our own condition)

NAME_TAKEN = "SELECT 1 FROM list WHERE name = $name AND id <> $id AND deleted_at IS NULL"

UPDATE = """
UPDATE list SET
    name = coalesce($name, name),
    description = CASE WHEN $describes THEN $description ELSE description END
WHERE id = $id
"""

USED_BY = """
SELECT name FROM sequence
WHERE trigger_list_id = $id AND trigger_type = 'list_add' AND status <> 'archived' AND deleted_at IS NULL
ORDER BY created_at, id
LIMIT 3
"""


def members_page(
    connection: Connection, list_id: UUID, *, q: str | None = None, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """Contacts on a list with `added_at`, the latest first, searched in address and name; each row has the `total`."""
    parameters = {"list_id": list_id, "q": q, "limit": limit, "offset": offset}
    return rows_as_dicts(connection, MEMBERS, parameters)


def update_list(
    connection: Connection, list_id: UUID, *, name: str | None, description: str | None, describes: bool
) -> None:
    """Change the name where one is given, and the description where `describes`; Conflict where the name is taken."""
    get_list(connection, list_id)
    if name is not None and connection.execute(NAME_TAKEN, {"id": list_id, "name": name}).fetchone():
        raise Conflict(f"There is a list named {name!r} already.")
    parameters = {"id": list_id, "name": name, "describes": describes, "description": description}
    connection.execute(UPDATE, parameters)


def delete_list(connection: Connection, list_id: UUID, now: datetime) -> None:
    """Forget a list; its contacts stay. Conflict where a sequence that is not archived starts from it."""
    refuse_list_in_use(connection, list_id)
    connection.execute("UPDATE list SET deleted_at = $now WHERE id = $id", {"id": list_id, "now": now})
    connection.execute("DELETE FROM list_member WHERE list_id = $id", {"id": list_id})


def refuse_list_in_use(connection: Connection, list_id: UUID) -> None:
    """Conflict, naming them, where sequences that are not archived start from a list."""
    get_list(connection, list_id)
    users = connection.execute(USED_BY, {"id": list_id}).fetchall()
    if users:
        names = ", ".join(repr(name) for (name,) in users)
        raise Conflict(f"This list is the trigger of {names}; archive that, or give it another list, first.")
