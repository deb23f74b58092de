"""Contacts given one by one or in a request's body, not in a file (SPEC 8)."""

from datetime import datetime
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, offered
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

ADD = """
INSERT INTO contact (id, email, first_name, last_name, metadata, timezone, status, created_at, updated_at)
VALUES ($id, $email, $first_name, $last_name, $metadata, $timezone, 'active', $now, $now)
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
    """A new active contact with a folded address; Conflict where the address is known."""
    if connection.execute("SELECT 1 FROM contact WHERE email = $email", {"email": email}).fetchone():
        raise Conflict(f"There is a contact with the address {email} already.")
    contact_id = new_id()
    connection.execute(
        ADD,
        {
            "id": contact_id,
            "email": email,
            "first_name": first_name,
            "last_name": last_name,
            "metadata": metadata,
            "timezone": timezone,
            "now": now,
        },
    )
    return contact_id


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
