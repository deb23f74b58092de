"""Lists, their members, and the ledger that remembers who was ever on one (SPEC 2, Triggers)."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts
from xmit_pipeline.store.enrollments import EnrollResult, enroll

NEW_MEMBERS = """
CREATE OR REPLACE TEMP TABLE new_member AS
SELECT DISTINCT joining.contact_id
FROM joining
JOIN contact ON contact.id = joining.contact_id AND contact.deleted_at IS NULL
WHERE NOT EXISTS (
    SELECT 1 FROM list_member
    WHERE list_member.list_id = $list_id AND list_member.contact_id = joining.contact_id)
"""

JOIN_LIST = "INSERT INTO list_member SELECT $list_id, contact_id, $now FROM new_member"

ENTER_LEDGER = """
INSERT INTO list_ledger (list_id, contact_id, seen_at)
SELECT $list_id, contact_id, $now FROM new_member
WHERE NOT EXISTS (
    SELECT 1 FROM list_ledger
    WHERE list_ledger.list_id = $list_id AND list_ledger.contact_id = new_member.contact_id)
"""

TRIGGERED = """
CREATE OR REPLACE TEMP TABLE enrolling AS
SELECT sequence.id AS sequence_id, new_member.contact_id, list_ledger.left_at
FROM sequence
CROSS JOIN new_member
LEFT JOIN list_ledger ON list_ledger.list_id = $list_id AND list_ledger.contact_id = new_member.contact_id
WHERE sequence.trigger_list_id = $list_id AND sequence.trigger_type = 'list_add'
  AND sequence.status = 'active' AND sequence.deleted_at IS NULL
"""

LEAVE_LIST = """
DELETE FROM list_member
WHERE list_id = $list_id AND contact_id IN (SELECT contact_id::UUID FROM given_contact)
RETURNING contact_id
"""

LEAVE_LEDGER = """
UPDATE list_ledger SET left_at = $now
WHERE list_id = $list_id AND contact_id IN (SELECT contact_id::UUID FROM given_contact)
  AND contact_id IN (SELECT contact_id FROM list_member WHERE list_id = $list_id)
"""

LISTS = """
SELECT list.*, coalesce(members.contact_count, 0) AS contact_count, count(*) OVER () AS total
FROM list
LEFT JOIN (SELECT list_id, count(*) AS contact_count FROM list_member GROUP BY list_id) AS members
    ON members.list_id = list.id
WHERE list.deleted_at IS NULL
  AND ($id::UUID IS NULL OR list.id = $id)
  AND ($q::VARCHAR IS NULL OR contains(lower(list.name), lower($q)))
ORDER BY list.created_at DESC, list.id DESC
LIMIT $limit OFFSET $offset
"""


def create_list(connection: Connection, name: str, now: datetime, description: str | None = None) -> UUID:
    """A new, empty list; Conflict where the name is taken."""
    taken = connection.execute(
        "SELECT 1 FROM list WHERE name = $name AND deleted_at IS NULL", {"name": name}
    ).fetchone()
    if taken:
        raise Conflict(f"There is a list named {name!r} already.")
    list_id = new_id()
    connection.execute(
        "INSERT INTO list VALUES ($id, $name, $description, $now, NULL)",
        {"id": list_id, "name": name, "description": description, "now": now},
    )
    return list_id


def list_named(connection: Connection, name: str, now: datetime) -> UUID:
    """The list of this name, made where there is none."""
    row = connection.execute(
        "SELECT id FROM list WHERE name = $name AND deleted_at IS NULL", {"name": name}
    ).fetchone()
    return row[0] if row else create_list(connection, name, now)


def lists_page(
    connection: Connection,
    *,
    q: str | None = None,
    limit: int = 50,
    offset: int = 0,
    list_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """Lists with their `contact_count`, newest first; every row carries the `total`."""
    return rows_as_dicts(connection, LISTS, {"id": list_id, "q": q, "limit": limit, "offset": offset})


def get_list(connection: Connection, list_id: UUID) -> dict[str, Any]:
    """One list with its `contact_count`."""
    rows = lists_page(connection, list_id=list_id)
    if not rows:
        raise NotFound("There is no such list.")
    return rows[0]


def add_contacts(
    connection: Connection, list_id: UUID, contact_ids: list[UUID | None], now: datetime
) -> tuple[int, EnrollResult]:
    """Put contacts on a list; who is new there is enrolled in its active sequences, in this transaction.

    Answers how many were added. Contacts already there, and ids of nobody, are passed over.
    """
    get_list(connection, list_id)
    with _given(connection, contact_ids):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE joining AS SELECT contact_id::UUID AS contact_id FROM given_contact"
        )
    return join_list(connection, list_id, now, "list_add")


def join_list(connection: Connection, list_id: UUID, now: datetime, source: str) -> tuple[int, EnrollResult]:
    """The same for everyone in the temporary table `joining (contact_id)`."""
    parameters = {"list_id": list_id, "now": now}
    connection.execute(NEW_MEMBERS, {"list_id": list_id})
    connection.execute(ENTER_LEDGER, parameters)
    connection.execute(JOIN_LIST, parameters)
    connection.execute(TRIGGERED, {"list_id": list_id})
    added = connection.execute("SELECT count(*) FROM new_member").fetchone()
    return added[0] if added else 0, enroll(connection, now, source)


def remove_contacts(
    connection: Connection, list_id: UUID, contact_ids: list[UUID | None], now: datetime
) -> int:
    """Take contacts off a list; answers how many were on it. Their enrollments go on."""
    get_list(connection, list_id)
    with _given(connection, contact_ids):
        connection.execute(LEAVE_LEDGER, {"list_id": list_id, "now": now})
        removed = connection.execute(LEAVE_LIST, {"list_id": list_id}).fetchall()
    return len(removed)


def _given(connection: Connection, contact_ids: list[UUID | None]) -> AbstractContextManager[None]:
    """Ids as the table `given_contact`: a frame costs a sixtieth of a bound list."""
    rows = {"contact_id": [str(each) if each else None for each in contact_ids]}
    return offered(connection, "given_contact", pl.DataFrame(rows, schema={"contact_id": pl.String}))
