"""Contacts: found, added, looked at, changed, unsubscribed and deleted, one or several."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response

from xmit_pipeline.api import contacts as calls
from xmit_pipeline.api import lists as list_calls
from xmit_pipeline.api.shapes import ContactId
from xmit_pipeline.api.shapes_contacts import ContactChange, ContactDeletion, ContactIds, NewContact
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.marks import AtMark, Search
from xmit_pipeline.dashboard.metadata_rows import MetadataRow, read_rows, rows_of, typed_rows, unshown
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.subjects import subject_for
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import Kind, parse_id, parse_known_ids, public_id
from xmit_pipeline.model.lifecycle import ContactStatus
from xmit_pipeline.store.census import contact_counts
from xmit_pipeline.store.contacts import get_contact
from xmit_pipeline.store.dashboard_contacts import contacts_cut, enrollments_of, lists_of, open_enrollments
from xmit_pipeline.store.dashboard_lists import list_names
from xmit_pipeline.store.messages import events_of, messages_page
from xmit_pipeline.store.suppressions import suppressions_of

router = APIRouter(prefix="/contacts")

SHOWN_MESSAGES = 50
NAMES = ("email", "firstName", "lastName", "timezone")


@router.get("")
def show_contacts(
    visit: AtVisit, status: Annotated[str, Query()] = "", q: Search = None, mark: AtMark = None
) -> Response:
    """Contacts, newest first, found by address, name and status."""
    wanted = status if status in set(ContactStatus) else None
    with visit.desk.reading() as (connection, _):
        cut = contacts_cut(connection, status=wanted, q=q, mark=mark)
        counts = contact_counts(connection)
    return visit.show("contacts.html", cut=cut, q=q, wanted=wanted, counts=counts)


@router.get("/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return _new(visit, rows_of({}), {})


@router.post("")
def create(visit: AtVisit) -> Response:
    """A new contact, put on a list where one is chosen."""
    form, rows = visit.form, typed_rows(visit.form)
    metadata, faults = read_rows(rows)
    if faults or form.flag("more"):
        return _new(visit, rows, faults)
    try:
        given = {**_names(form), "metadata": metadata, "listId": form.optional("listId")}
        made = calls.create_contact(visit.asking("create_contact"), checked(NewContact, given))
    except (BadInput, Conflict, NotFound) as error:
        return _new(visit, rows, _faults(error))
    return visit.go(f"/contacts/{public_id(Kind.CONTACT, made.id)}", f"{made.email} is a contact now.")


@router.post("/delete")
def delete_several(visit: AtVisit) -> Response:
    """Forget those who were ticked."""
    ids = [each for each in parse_known_ids(Kind.CONTACT, visit.form.all("id")) if each]
    if not ids:
        return visit.go("/contacts", "Tick whom to delete first.", "bad")
    if not visit.sure:
        heading = f"Delete {plural(len(ids), 'contact')}?"
        return visit.ask(Deed(heading, _what_goes(visit, ids), heading.rstrip("?"), "/contacts"))
    given = checked(ContactDeletion, {"ids": [public_id(Kind.CONTACT, each) for each in ids]})
    gone = calls.delete_contacts(visit.asking("delete_contacts"), given)
    return visit.go("/contacts", f"{plural(gone.deleted, 'contact')} deleted.")


@router.get("/{contact_id}")
def show_contact(visit: AtVisit, contact_id: ContactId) -> Response:
    """Everything about one person."""
    with visit.desk.reading() as (connection, now):
        contact = get_contact(connection, contact_id)
        messages = messages_page(connection, contact_id=contact_id, limit=SHOWN_MESSAGES)
        events = events_of(connection, [row["id"] for row in messages]) if messages else {}
        known: dict[str, Any] = {
            "lists": lists_of(connection, contact_id),
            "choices": [(public_id(Kind.LIST, row["id"]), row["name"]) for row in list_names(connection)],
            "enrollments": enrollments_of(connection, contact_id),
            "suppressions": suppressions_of(connection, contact["email"], now),
        }
    subjects = {row["subject"]: subject_for(row["subject"], contact) for row in messages if row["subject"]}
    known |= {
        "messages": messages,
        "subjects": subjects,
        "events": events,
        "metadata": orjson.loads(contact["metadata"]),
    }
    return visit.show("contact.html", contact=contact, **known)


@router.get("/{contact_id}/edit")
def show_edit(visit: AtVisit, contact_id: ContactId) -> Response:
    """The form with what is known."""
    contact = _contact(visit, contact_id)
    values = {name: contact[column] for name, column in zip(NAMES, _COLUMNS, strict=True)}
    return _edit(visit, contact, values, rows_of(orjson.loads(contact["metadata"])), {})


@router.post("/{contact_id}/edit")
def update(visit: AtVisit, contact_id: ContactId) -> Response:
    """Change names, address and metadata."""
    contact, rows = _contact(visit, contact_id), typed_rows(visit.form)
    values = _names(visit.form)
    metadata, faults = read_rows(rows, orjson.loads(contact["metadata"]))
    if faults or visit.form.flag("more"):
        return _edit(visit, contact, values, rows, faults)
    known = public_id(Kind.CONTACT, contact_id)
    try:
        change = checked(ContactChange, {**values, "metadata": metadata})
        calls.update_contact(visit.asking("update_contact"), contact_id, change)
    except (BadInput, Conflict) as error:
        return _edit(visit, contact, values, rows, _faults(error))
    return visit.go(f"/contacts/{known}", "The contact is saved.")


@router.post("/{contact_id}/lists")
def join_list(visit: AtVisit, contact_id: ContactId) -> Response:
    """Put one person on a list, which enrolls them where a sequence starts from it."""
    address, chosen = f"/contacts/{public_id(Kind.CONTACT, contact_id)}", visit.form.optional("listId")
    if chosen is None:
        return visit.go(address, "Choose a list first.", "bad")
    given = checked(ContactIds, {"contactIds": [public_id(Kind.CONTACT, contact_id)]})
    joined = list_calls.add_list_contacts(
        visit.asking("add_list_contacts"), parse_id(Kind.LIST, chosen), given
    )
    return visit.go(address, "They are on the list now." if joined.added else "They were on it before.")


@router.post("/{contact_id}/unsubscribe")
def unsubscribe(visit: AtVisit, contact_id: ContactId) -> Response:
    """Nothing more for this person."""
    contact, known = _contact(visit, contact_id), public_id(Kind.CONTACT, contact_id)
    if not visit.sure:
        what = (
            f"{contact['email']} is suppressed: no sequence mails this address any more.",
            *_leaving(visit, [contact_id]),
            "Only the person takes this back; you can lift it by force, and the audit keeps who did.",
        )
        return visit.ask(Deed(f"Unsubscribe {contact['email']}?", what, "Unsubscribe", f"/contacts/{known}"))
    calls.unsubscribe_contact(visit.asking("unsubscribe_contact"), contact_id)
    return visit.go(f"/contacts/{known}", f"{contact['email']} is unsubscribed.")


@router.post("/{contact_id}/delete")
def delete(visit: AtVisit, contact_id: ContactId) -> Response:
    """Forget one person."""
    contact, known = _contact(visit, contact_id), public_id(Kind.CONTACT, contact_id)
    if not visit.sure:
        deed = Deed(
            f"Delete {contact['email']}?", _what_goes(visit, [contact_id]), "Delete", f"/contacts/{known}"
        )
        return visit.ask(deed)
    calls.delete_contact(visit.asking("delete_contact"), contact_id)
    return visit.go("/contacts", f"{contact['email']} is deleted.")


_COLUMNS = ("email", "first_name", "last_name", "timezone")


def _names(form: Form) -> dict[str, str | None]:
    return {**{name: form.optional(name) for name in NAMES}, "email": form.text("email").strip()}


def _faults(error: BadInput | Conflict | NotFound) -> Faults:
    if isinstance(error, BadInput):
        return faults_by_field(error)
    return {"listId" if isinstance(error, NotFound) else "email": str(error)}


def _contact(visit: Visit, contact_id: UUID) -> dict[str, Any]:
    with visit.desk.reading() as (connection, _):
        return get_contact(connection, contact_id)


def _new(visit: Visit, rows: list[MetadataRow], faults: Faults) -> Response:
    with visit.desk.reading() as (connection, _):
        lists = [(public_id(Kind.LIST, row["id"]), row["name"]) for row in list_names(connection)]
    values = {**_names(visit.form), "listId": visit.form.optional("listId")}
    return visit.show(
        "contact_new.html",
        status=400 if faults else 200,
        values=values,
        rows=rows,
        lists=lists,
        faults=faults,
    )


def _edit(
    visit: Visit, contact: dict[str, Any], values: dict[str, Any], rows: list[MetadataRow], faults: Faults
) -> Response:
    return visit.show(
        "contact_edit.html",
        status=400 if faults else 200,
        contact=contact,
        values=values,
        rows=rows,
        unshown=len(unshown(orjson.loads(contact["metadata"]), rows)),
        faults=faults,
    )


def _what_goes(visit: Visit, contact_ids: list[UUID]) -> tuple[str, ...]:
    people = plural(len(contact_ids), "person", "people")
    return (
        f"Name, address and metadata of {people} are removed; a keyed hash of each address stays.",
        *_leaving(visit, contact_ids),
        "They leave all lists. Suppressions stay: a later import lifts nothing and starts nothing anew.",
    )


def _leaving(visit: Visit, contact_ids: list[UUID]) -> tuple[str, ...]:
    with visit.desk.reading() as (connection, _):
        count = open_enrollments(connection, contact_ids)
    if not count:
        return ("No sequence is under way for them.",)
    told = (
        "1 active or paused enrollment ends" if count == 1 else f"{count:,} active or paused enrollments end"
    )
    return (f"{told} at once.",)
