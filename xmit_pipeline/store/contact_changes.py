"""What becomes of a contact: changed, unsubscribed, deleted (SPEC 3)."""

import secrets
from datetime import datetime
from typing import Any, TypedDict, cast
from uuid import UUID

import polars as pl

from xmit_pipeline.model.addresses import address_fault, fold_address
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store.connection import Connection, offered
from xmit_pipeline.store.contacts import address_key, get_contact
from xmit_pipeline.store.progress import exit_contacts
from xmit_pipeline.store.suppressions import SUPPRESSING_COLUMNS, expire_suppressions, suppress_staged

UPDATE = """
UPDATE contact SET email = $email, first_name = $first_name, last_name = $last_name, timezone = $timezone,
    metadata = $metadata, updated_at = $now
WHERE id = $id
"""

STANDING_AT_ADDRESS = """
UPDATE contact SET status = CASE
    WHEN firmness(contact.status) > firmness(at_address.status) AND contact.status <> 'bounced' THEN contact.status
    ELSE at_address.status END
FROM (
    SELECT coalesce(arg_max(status_of_suppression(reason), firmness(status_of_suppression(reason))), 'active') AS status
    FROM suppression
    WHERE email = $email AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
) AS at_address
WHERE contact.id = $id
"""
"""A bounce belongs to the address that bounced; what the person said goes with the person."""

LEAVING_WITH_ADDRESS = """
CREATE OR REPLACE TEMP TABLE leaving_contact AS
SELECT id AS contact_id, CASE WHEN status = 'active' THEN 'suppressed' ELSE status END AS exit_reason
FROM contact
WHERE id = $id AND (status <> 'active' OR EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.email = contact.email AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)))
"""

LEAVING_FOR_GOOD = """
CREATE OR REPLACE TEMP TABLE leaving_contact AS
SELECT contact.id AS contact_id, 'contact_deleted' AS exit_reason
FROM contact JOIN given_contact ON contact.id = given_contact.contact_id::UUID
WHERE contact.deleted_at IS NULL
GROUP BY contact.id
"""

LEAVE_LISTS = "DELETE FROM list_member WHERE contact_id IN (SELECT contact_id FROM leaving_contact)"

FORGET = """
UPDATE contact SET address_hash = sha256($key || email), email = NULL, first_name = NULL, last_name = NULL,
    metadata = '{}', timezone = NULL, deleted_at = $now, updated_at = $now
FROM leaving_contact WHERE contact.id = leaving_contact.contact_id
"""


class ContactChanges(TypedDict, total=False):
    """What is given changes; `metadata` is a JSON object as text, and replaces the old one whole."""

    email: str
    first_name: str | None
    last_name: str | None
    timezone: str | None
    metadata: str


def update_contact(connection: Connection, contact_id: UUID, now: datetime, changes: ContactChanges) -> None:
    """Change what is given. Conflict where the address is another contact's.

    Messages already claimed go to the address they were claimed for. At an address that is suppressed the
    contact's open enrollments exit.
    """
    contact = get_contact(connection, contact_id)
    changed = cast("dict[str, Any]", {**contact, **changes})
    changed["email"] = _free_address(connection, contact_id, changed["email"])
    parameters = {
        name: changed[name] for name in ("email", "first_name", "last_name", "timezone", "metadata")
    }
    connection.execute(UPDATE, {**parameters, "id": contact_id, "now": now})
    if changed["email"] != contact["email"]:
        expire_suppressions(connection, now)
        connection.execute(STANDING_AT_ADDRESS, {"id": contact_id, "email": changed["email"], "now": now})
        connection.execute(LEAVING_WITH_ADDRESS, {"id": contact_id, "now": now})
        exit_contacts(connection, now)


def unsubscribe_contact(connection: Connection, contact_id: UUID, now: datetime, source: str) -> None:
    """Suppress the contact's address at the person's wish, and end this contact's enrollments; repeats are harmless."""
    wish = {
        "email": get_contact(connection, contact_id)["email"],
        "reason": SuppressionReason.UNSUBSCRIBE.value,
        "source": source,
        "expires_at": None,
    }
    with offered(connection, "suppressing", pl.DataFrame([wish], schema=SUPPRESSING_COLUMNS)):
        suppress_staged(connection, now)


def delete_contact(connection: Connection, contact_id: UUID, now: datetime) -> None:
    """Forget a person: enrollments exit, lists lose them, and of the address a keyed hash stays.

    Suppressions stay. Who is brought in again at this address is the same contact: nothing starts anew.
    """
    get_contact(connection, contact_id)
    delete_contacts(connection, [contact_id], now)


def delete_contacts(connection: Connection, contact_ids: list[UUID | None], now: datetime) -> int:
    """The same for many; answers how many there were. Ids of nobody are passed over."""
    rows = {"contact_id": [str(each) if each else None for each in contact_ids]}
    with offered(connection, "given_contact", pl.DataFrame(rows, schema={"contact_id": pl.String})):
        connection.execute(LEAVING_FOR_GOOD)
    exit_contacts(connection, now)
    connection.execute(LEAVE_LISTS)
    (deleted,) = connection.execute(FORGET, {"now": now, "key": _key(connection)}).fetchone() or (0,)
    return deleted


def _free_address(connection: Connection, contact_id: UUID, email: str) -> str:
    fault = address_fault(email)
    if fault:
        raise BadInput(fault, [{"field": "email", "message": fault}])
    folded = fold_address(email)
    taken = connection.execute(
        "SELECT 1 FROM contact WHERE email = $email AND id <> $id", {"email": folded, "id": contact_id}
    ).fetchone()
    if taken:
        raise Conflict(f"There is another contact with the address {folded}.")
    return folded


def _key(connection: Connection) -> str:
    known = address_key(connection)
    if known is not None:
        return known
    fresh = secrets.token_hex(32)
    connection.execute("INSERT INTO store_key VALUES ('address', $key)", {"key": fresh})
    return fresh
