"""Contacts: one person each, keyed by case-folded address (SPEC 1, 9)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.store.connection import Connection, rows_as_dicts

FILL_KNOWN = """
UPDATE contact SET
    first_name = coalesce(contact.first_name, staged.first_name),
    last_name = coalesce(contact.last_name, staged.last_name),
    timezone = coalesce(contact.timezone, staged.timezone),
    metadata = json_merge_patch(staged.metadata::JSON, contact.metadata::JSON)::VARCHAR,
    updated_at = $now
FROM staged_contact AS staged
WHERE contact.email = staged.email AND (
    (contact.first_name IS NULL AND staged.first_name IS NOT NULL)
    OR (contact.last_name IS NULL AND staged.last_name IS NOT NULL)
    OR (contact.timezone IS NULL AND staged.timezone IS NOT NULL)
    OR contact.metadata <> staged.metadata)
"""

TIGHTEN_KNOWN = """
UPDATE contact SET status = staged.status, updated_at = $now
FROM staged_contact AS staged
WHERE contact.email = staged.email AND contact.status = 'active' AND staged.status <> 'active'
"""

CREATE_UNKNOWN = """
INSERT INTO contact (id, email, first_name, last_name, metadata, timezone, status, created_at, updated_at)
SELECT uuidv7(), staged.email, staged.first_name, staged.last_name, staged.metadata, staged.timezone,
    coalesce(staged.status, 'active'), $now, $now
FROM staged_contact AS staged
WHERE NOT EXISTS (SELECT 1 FROM contact WHERE contact.email = staged.email)
ORDER BY staged.line
"""

JOINING = """
CREATE OR REPLACE TEMP TABLE joining AS
SELECT contact.id AS contact_id
FROM staged_contact JOIN contact ON contact.email = staged_contact.email
"""

PAGE = """
SELECT *, count(*) OVER () AS total FROM contact
WHERE deleted_at IS NULL AND ($q::VARCHAR IS NULL
    OR contains(email, lower($q))
    OR contains(lower(concat_ws(' ', first_name, last_name)), lower($q)))
ORDER BY created_at DESC, id DESC
LIMIT $limit OFFSET $offset
"""


def merge_contacts(connection: Connection, now: datetime, *, fill: bool) -> int:
    """Bring in `staged_contact (line, email, first_name, last_name, timezone, status, metadata)`.

    New addresses become contacts; answers how many. With `fill`, known contacts get what they lack and keep
    what they have; a status is only ever tightened (SPEC 9).
    """
    parameters = {"now": now}
    if fill:
        connection.execute(FILL_KNOWN, parameters)
    connection.execute(TIGHTEN_KNOWN, parameters)
    created = connection.execute(CREATE_UNKNOWN, parameters).fetchone()
    return created[0] if created else 0


def stage_joining(connection: Connection) -> None:
    """Makes `joining (contact_id)` of everyone in `staged_contact`, for a list to take in."""
    connection.execute(JOINING)


def contacts_page(
    connection: Connection, *, q: str | None = None, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """Contacts by newest, searched in address and name; every row carries the `total`."""
    return rows_as_dicts(connection, PAGE, {"q": q, "limit": limit, "offset": offset})


def get_contact(connection: Connection, contact_id: UUID) -> dict[str, Any]:
    """One contact that is not deleted."""
    rows = rows_as_dicts(
        connection, "SELECT * FROM contact WHERE id = $id AND deleted_at IS NULL", {"id": contact_id}
    )
    if not rows:
        raise NotFound("There is no such contact.")
    return rows[0]
