"""Contacts as the dashboard shows them: pages of a million, and everything about one person (PAINS G5)."""

from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts
from xmit_pipeline.store.keyset import Cut, Mark, cut_rows
from xmit_pipeline.store.searching import FOUND_BY_TEXT

FOUND = f"""
SELECT id, created_at AS at FROM contact
WHERE deleted_at IS NULL
  AND ($status::VARCHAR IS NULL OR status = $status)
  AND ($q::VARCHAR IS NULL OR {FOUND_BY_TEXT})
"""  # noqa: S608  (our own condition)

SHOWN = """
SELECT contact.id, contact.email, contact.first_name, contact.last_name, contact.status, contact.created_at
FROM shown JOIN contact ON contact.id = shown.id
"""

MEMBERS_FOUND = """
SELECT list_member.contact_id AS id, list_member.added_at AS at FROM list_member WHERE list_id = $list_id
"""

MEMBERS_SEARCHED = f"""
SELECT list_member.contact_id AS id, list_member.added_at AS at
FROM list_member JOIN contact ON contact.id = list_member.contact_id
WHERE list_member.list_id = $list_id
  AND {FOUND_BY_TEXT}
"""  # noqa: S608  (our own condition)

MEMBERS_SHOWN = """
SELECT contact.id, contact.email, contact.first_name, contact.last_name, contact.status, shown.at AS added_at
FROM shown JOIN contact ON contact.id = shown.id
"""

LISTS_OF = """
SELECT list.id, list.name, list_member.added_at
FROM list_member JOIN list ON list.id = list_member.list_id AND list.deleted_at IS NULL
WHERE list_member.contact_id = $id
ORDER BY list_member.added_at DESC, list.id DESC
"""

ENROLLMENTS_OF = """
SELECT enrollment.id, enrollment.sequence_id, enrollment.status, enrollment.exit_reason, enrollment.enrolled_at,
    enrollment.due_at, enrollment.ended_at, sequence.name AS sequence_name, step.name AS step_name
FROM enrollment
JOIN sequence ON sequence.id = enrollment.sequence_id
LEFT JOIN step ON step.id = enrollment.step_id
WHERE enrollment.contact_id = $id
ORDER BY enrollment.enrolled_at DESC, enrollment.id DESC
LIMIT $limit
"""

OPEN_ENROLLMENTS = """
SELECT count(*) FROM enrollment
JOIN given_contact ON given_contact.contact_id::UUID = enrollment.contact_id
WHERE enrollment.status IN ('active', 'paused')
"""

AT_ADDRESSES = """
SELECT contact.email, contact.id FROM contact JOIN given_address ON given_address.email = contact.email
WHERE contact.deleted_at IS NULL
"""


def contacts_cut(
    connection: Connection, *, status: str | None = None, q: str | None = None, mark: Mark | None = None
) -> Cut:
    """Contacts, newest first, found as the API finds them: in address and name."""
    return cut_rows(connection, FOUND, SHOWN, {"status": status, "q": q}, mark)


def members_cut(
    connection: Connection, list_id: UUID, *, q: str | None = None, mark: Mark | None = None
) -> Cut:
    """Contacts on a list with `added_at`, the latest first. Who is deleted is on no list."""
    if q is None:
        return cut_rows(connection, MEMBERS_FOUND, MEMBERS_SHOWN, {"list_id": list_id}, mark)
    return cut_rows(connection, MEMBERS_SEARCHED, MEMBERS_SHOWN, {"list_id": list_id, "q": q}, mark)


def lists_of(connection: Connection, contact_id: UUID) -> list[dict[str, Any]]:
    """The lists that a contact is on, with `added_at`."""
    return rows_as_dicts(connection, LISTS_OF, {"id": contact_id})


def enrollments_of(connection: Connection, contact_id: UUID, limit: int = 100) -> list[dict[str, Any]]:
    """A contact's ways through sequences, the latest first, with the names of sequence and awaited step."""
    return rows_as_dicts(connection, ENROLLMENTS_OF, {"id": contact_id, "limit": limit})


def open_enrollments(connection: Connection, contact_ids: list[UUID]) -> int:
    """How many active and paused enrollments these contacts have: what ends when they go."""
    rows = {"contact_id": [str(each) for each in contact_ids]}
    with offered(connection, "given_contact", pl.DataFrame(rows, schema={"contact_id": pl.String})):
        (count,) = connection.execute(OPEN_ENROLLMENTS).fetchone() or (0,)
    return count


def contact_ids_at(connection: Connection, addresses: list[str]) -> dict[str, UUID]:
    """The contacts at these folded addresses, by address; unknown ones are left out."""
    rows = pl.DataFrame({"email": list(dict.fromkeys(addresses))}, schema={"email": pl.String})
    with offered(connection, "given_address", rows):
        return dict(connection.execute(AT_ADDRESSES).fetchall())
