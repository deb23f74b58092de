"""Contacts: one person each, keyed by case-folded address (SPEC 1, 9)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.store.connection import Connection, frame, offered, rows_as_dicts
from xmit_pipeline.store.searching import FOUND_BY_TEXT
from xmit_pipeline.store.suppressions import suppress_staged

SOURCE = "import"
"""What stands on a suppression that an import's status brought."""

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

REVIVE_DELETED = """
UPDATE contact SET email = gone.email, address_hash = NULL, deleted_at = NULL, created_at = $now, updated_at = $now,
    first_name = gone.first_name, last_name = gone.last_name, metadata = gone.metadata, timezone = gone.timezone,
    status = CASE WHEN contact.status = 'bounced' OR firmness(gone.standing) > firmness(contact.status)
        THEN gone.standing ELSE contact.status END
FROM (
    SELECT staged.*, contact.id, coalesce(at_address.status, 'active') AS standing
    FROM staged_contact AS staged
    JOIN contact ON contact.address_hash = sha256($key || staged.email)
    LEFT JOIN (
        SELECT email, arg_max(status_of_suppression(reason), firmness(status_of_suppression(reason))) AS status
        FROM suppression WHERE lifted_at IS NULL GROUP BY email
    ) AS at_address ON at_address.email = staged.email
    WHERE NOT EXISTS (SELECT 1 FROM contact AS living WHERE living.email = staged.email)
    QUALIFY row_number() OVER (PARTITION BY staged.email ORDER BY contact.deleted_at DESC, contact.id DESC) = 1
) AS gone
WHERE contact.id = gone.id
"""
"""Who was deleted comes back as the same contact, with everything already had. What the person said stays with them;
whether the address bounces is what its suppressions say by now.
"""

TIGHTENING = """
SELECT staged.email, getvariable('source') AS source, NULL::TIMESTAMPTZ AS expires_at,
    CASE staged.status
        WHEN 'unsubscribed' THEN 'unsubscribe'
        WHEN 'bounced' THEN 'bounce'
        ELSE 'complaint'
    END AS reason
FROM staged_contact AS staged LEFT JOIN contact ON contact.email = staged.email
WHERE firmness(staged.status) > firmness(coalesce(contact.status, 'active'))
"""
"""Whom a file knows to be out and we do not: suppressed, so that nothing that runs out makes them active again."""

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

PAGE = f"""
WITH found AS (
    SELECT id, created_at FROM contact
    WHERE deleted_at IS NULL
      AND ($status::VARCHAR IS NULL OR status = $status)
      AND ($q::VARCHAR IS NULL OR {FOUND_BY_TEXT})
),
shown AS (
    FROM found ORDER BY created_at DESC, id DESC LIMIT $limit OFFSET $offset
)
SELECT contact.*, (SELECT count(*) FROM found) AS total
FROM shown JOIN contact ON contact.id = shown.id
ORDER BY shown.created_at DESC, shown.id DESC
"""  # noqa: S608  (our own condition)
"""Ids first, the page's rows after: sorting whole rows of a million contacts takes five times as long."""


def merge_contacts(connection: Connection, now: datetime, *, fill: bool) -> int:
    """Bring in `staged_contact (line, email, first_name, last_name, timezone, status, metadata)`.

    New addresses become contacts; answers how many. With `fill`, known contacts get what they lack and keep
    what they have; a status is only ever tightened (SPEC 9), by a suppression, and who is no longer active by
    it exits. Deleted ones come back as they left: nothing is lifted, nothing starts again (SPEC 3).
    """
    parameters = {"now": now}
    if fill:
        connection.execute(FILL_KNOWN, parameters)
    revived = _revive(connection, now)
    tightening = frame(connection, TIGHTENING, {"source": SOURCE})
    (created,) = connection.execute(CREATE_UNKNOWN, parameters).fetchone() or (0,)
    if tightening.height:
        with offered(connection, "suppressing", tightening):
            suppress_staged(connection, now)
    return created + revived


def stage_joining(connection: Connection) -> None:
    """Makes `joining (contact_id)` of everyone in `staged_contact`, for a list to take in."""
    connection.execute(JOINING)


def contacts_page(
    connection: Connection,
    *,
    status: str | None = None,
    q: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Contacts by newest, searched in address and name; every row carries the `total`."""
    return rows_as_dicts(connection, PAGE, {"status": status, "q": q, "limit": limit, "offset": offset})


def some_contact_ids(connection: Connection, limit: int) -> list[UUID | None]:
    """Ids of contacts, whichever, in the form that the verbs for many take."""
    rows = connection.execute(
        "SELECT id FROM contact WHERE deleted_at IS NULL LIMIT $limit", {"limit": limit}
    ).fetchall()
    return [contact_id for (contact_id,) in rows]


def get_contact(connection: Connection, contact_id: UUID) -> dict[str, Any]:
    """One contact that is not deleted."""
    rows = rows_as_dicts(
        connection, "SELECT * FROM contact WHERE id = $id AND deleted_at IS NULL", {"id": contact_id}
    )
    if not rows:
        raise NotFound("There is no such contact.")
    return rows[0]


def address_key(connection: Connection) -> str | None:
    """The key of this store's address hashes; None while nobody has been deleted."""
    row = connection.execute("SELECT value FROM store_key WHERE purpose = 'address'").fetchone()
    return row[0] if row else None


def _revive(connection: Connection, now: datetime) -> int:
    key = address_key(connection)
    if key is None:
        return 0
    (revived,) = connection.execute(REVIVE_DELETED, {"now": now, "key": key}).fetchone() or (0,)
    return revived
