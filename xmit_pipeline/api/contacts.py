"""Contacts: one by one, and up to 10,000 in a call (SPEC 8, 9)."""

from functools import partial
from typing import Annotated, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.import_rows import read_rows, staged_rows
from xmit_pipeline.api.paging import AtPage, Search, paged
from xmit_pipeline.api.shapes import MOST_AT_ONCE, ContactId, Success
from xmit_pipeline.api.shapes_contacts import (
    Contact,
    ContactChange,
    ContactDeletion,
    ContactImport,
    Contacts,
    Deleted,
    ImportAnswer,
    MadeContacts,
    NewContact,
    NewContacts,
)
from xmit_pipeline.model.ids import Kind, parse_known_ids
from xmit_pipeline.model.lifecycle import ContactStatus
from xmit_pipeline.store import contact_changes, contact_rows, contacts
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.contact_changes import ContactChanges
from xmit_pipeline.store.lists import add_contacts

router = APIRouter(prefix="/api/contacts", tags=["contacts"])

StatusFilter = Annotated[ContactStatus | None, Query(description="Only those in this status.")]


@router.get("")
def list_contacts(desk: AtDesk, page: AtPage, status: StatusFilter = None, q: Search = None) -> Contacts:
    """Contacts, newest first; `q` searches in address and name."""
    with desk.reading() as (connection, _):
        rows, total = paged(partial(contacts.contacts_page, connection, status=status, q=q), page)
    shown = [Contact.model_validate(row) for row in rows]
    return Contacts(contacts=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_contact(desk: AtDesk, draft: NewContact) -> Contact:
    """A new contact; where a list is named it joins that, and is enrolled in its active sequences."""
    with desk.changing() as (connection, now):
        contact_id = contact_rows.create_contact(
            connection,
            now,
            email=draft.email,
            first_name=draft.first_name,
            last_name=draft.last_name,
            timezone=draft.timezone,
            metadata=orjson.dumps(draft.metadata).decode(),
        )
        desk.made(Kind.CONTACT, contact_id)
        if draft.list_id is not None:
            add_contacts(connection, draft.list_id, [contact_id], now)
        return _contact(connection, contact_id)


@router.post("/bulk", status_code=201)
def create_contacts(desk: AtDesk, given: NewContacts) -> MadeContacts:
    """New contacts, all or none: one bad row, or a known address, refuses the whole call."""
    with desk.changing() as (connection, now):
        rows = contact_rows.create_contacts(connection, staged_rows(given.contacts), given.list_id, now)
    return MadeContacts(contacts=[Contact.model_validate(row) for row in rows])


@router.post("/import")
def import_contacts(desk: AtDesk, given: ContactImport) -> ImportAnswer:
    """Bring contacts in, all good rows together; known ones keep their fields, and join the list too."""
    rows = read_rows(given.contacts)
    with desk.changing() as (connection, now):
        created = contact_rows.take_in(connection, rows.contacts, given.list_id, now)
    skipped = len(given.contacts) - len(rows.refused) - created
    return ImportAnswer(created=created, skipped=skipped, errors=rows.refused)


@router.post("/bulk-delete")
def delete_contacts(desk: AtDesk, given: ContactDeletion) -> Deleted:
    """Forget many; ids of nobody are passed over. With `deleteAll` everybody goes, some ten thousand at a time."""
    deleted, going = 0, parse_known_ids(Kind.CONTACT, given.ids)
    while True:
        with desk.changing() as (connection, now):
            if given.delete_all:
                going = contacts.some_contact_ids(connection, MOST_AT_ONCE)
            deleted += contact_changes.delete_contacts(connection, going, now)
        if not given.delete_all or len(going) < MOST_AT_ONCE:
            return Deleted(deleted=deleted)


@router.get("/{contact_id}")
def get_contact(desk: AtDesk, contact_id: ContactId) -> Contact:
    """One contact."""
    with desk.reading() as (connection, _):
        return _contact(connection, contact_id)


@router.put("/{contact_id}")
def update_contact(desk: AtDesk, contact_id: ContactId, change: ContactChange) -> Success:
    """Change what is given. Mail already claimed still goes to the address it was claimed for."""
    changes = change.model_dump(exclude_unset=True)
    if "metadata" in changes:
        changes["metadata"] = orjson.dumps(changes["metadata"]).decode()
    with desk.changing() as (connection, now):
        contact_changes.update_contact(connection, contact_id, now, cast(ContactChanges, changes))
    return Success()


@router.delete("/{contact_id}")
def delete_contact(desk: AtDesk, contact_id: ContactId) -> Success:
    """Forget a person: their enrollments exit; suppressions, and a keyed hash of the address, stay."""
    with desk.changing() as (connection, now):
        contact_changes.delete_contact(connection, contact_id, now)
    return Success()


@router.post("/{contact_id}/unsubscribe")
def unsubscribe_contact(desk: AtDesk, contact_id: ContactId) -> Success:
    """The person wants no more mail: the address is suppressed, and they leave all sequences."""
    with desk.changing() as (connection, now):
        contact_changes.unsubscribe_contact(connection, contact_id, now, "api")
    return Success()


def _contact(connection: Connection, contact_id: UUID) -> Contact:
    return Contact.model_validate(contacts.get_contact(connection, contact_id))
