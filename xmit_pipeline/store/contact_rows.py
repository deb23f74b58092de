"""Contacts given one by one or in a request's body, not in a file (SPEC 8)."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts
from xmit_pipeline.store.contacts import merge_contacts, stage_joining
from xmit_pipeline.store.lists import get_list, join_list

STAGED_COLUMNS = {
    "line": pl.Int64,
    "email": pl.String,
    "first_name": pl.String,
    "last_name": pl.String,
    "timezone": pl.String,
    "status": pl.String,
    "metadata": pl.String,
}
"""What `merge_contacts` reads; `metadata` is a JSON object as text, `status` null where nothing is said."""


TAKEN = """
SELECT staged.email FROM staged_contact AS staged
GROUP BY staged.email
HAVING count(*) > 1 OR staged.email IN (SELECT email FROM contact)
LIMIT 1
"""

MADE = """
SELECT contact.* FROM staged_contact AS staged JOIN contact ON contact.email = staged.email ORDER BY staged.line
"""


def create_contact(
    connection: Connection,
    now: datetime,
    *,
    email: str,
    first_name: str | None = None,
    last_name: str | None = None,
    timezone: str | None = None,
    metadata: str = "{}",
) -> UUID:
    """A new contact with a folded address, or a deleted one's return; Conflict where the address is known."""
    by_address = "SELECT id FROM contact WHERE email = $email"
    if connection.execute(by_address, {"email": email}).fetchone():
        raise Conflict(f"There is a contact with the address {email} already.")
    row = (1, email, first_name, last_name, timezone, None, metadata)
    with offered(connection, "staged_contact", pl.DataFrame([row], schema=STAGED_COLUMNS, orient="row")):
        merge_contacts(connection, now, fill=False)
    (contact_id,) = connection.execute(by_address, {"email": email}).fetchone() or (None,)
    return cast("UUID", contact_id)


def create_contacts(
    connection: Connection, contacts: pl.DataFrame, list_id: UUID | None, now: datetime
) -> list[dict[str, Any]]:
    """All of `STAGED_COLUMNS` as new contacts, in their order; Conflict where an address is known, or given twice.

    With a list they join it, and are enrolled in its active sequences, in this transaction.
    """
    if list_id is not None:
        get_list(connection, list_id)
    with offered(connection, "staged_contact", contacts):
        taken = connection.execute(TAKEN).fetchone()
        if taken:
            raise Conflict(f"There is a contact with the address {taken[0]} already, or it is given twice.")
        merge_contacts(connection, now, fill=False)
        if list_id is not None:
            stage_joining(connection)
            join_list(connection, list_id, now, "list_add")
        return rows_as_dicts(connection, MADE)


def take_in(connection: Connection, contacts: pl.DataFrame, list_id: UUID | None, now: datetime) -> int:
    """Create those of `STAGED_COLUMNS` (a row per address) who are new, and answer how many.

    Known contacts keep their fields. With a list all of them join it, and who is new there is enrolled in
    its active sequences, in this transaction.
    """
    if list_id is not None:
        get_list(connection, list_id)
    with offered(connection, "staged_contact", contacts):
        created = merge_contacts(connection, now, fill=False)
        if list_id is not None:
            stage_joining(connection)
            join_list(connection, list_id, now, "import")
    return created
