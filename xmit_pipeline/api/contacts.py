"""Contacts: one by one, and up to 10,000 in a call (SPEC 8, 9)."""

from functools import partial

import orjson
from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.import_rows import read_rows
from xmit_pipeline.api.paging import AtPage, Search, paged
from xmit_pipeline.api.shapes import ContactId
from xmit_pipeline.api.shapes_contacts import Contact, ContactImport, Contacts, ImportAnswer, NewContact
from xmit_pipeline.store import contact_rows, contacts
from xmit_pipeline.store.lists import add_contacts

router = APIRouter(prefix="/api/contacts", tags=["contacts"])


@router.get("")
def list_contacts(desk: AtDesk, page: AtPage, q: Search = None) -> Contacts:
    """Contacts, newest first."""
    with desk.reading() as (connection, _):
        rows, total = paged(partial(contacts.contacts_page, connection, q=q), page)
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
        if draft.list_id is not None:
            add_contacts(connection, draft.list_id, [contact_id], now)
        return Contact.model_validate(contacts.get_contact(connection, contact_id))


@router.post("/import")
def import_contacts(desk: AtDesk, given: ContactImport) -> ImportAnswer:
    """Bring contacts in, all good rows together; known ones keep their fields, and join the list too."""
    rows = read_rows(given.contacts)
    with desk.changing() as (connection, now):
        created = contact_rows.take_in(connection, rows.contacts, given.list_id, now)
    skipped = len(given.contacts) - len(rows.refused) - created
    return ImportAnswer(created=created, skipped=skipped, errors=rows.refused)


@router.get("/{contact_id}")
def get_contact(desk: AtDesk, contact_id: ContactId) -> Contact:
    """One contact."""
    with desk.reading() as (connection, _):
        return Contact.model_validate(contacts.get_contact(connection, contact_id))
