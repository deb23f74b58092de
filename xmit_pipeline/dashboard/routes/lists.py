"""Lists: made, named, filled by addresses, emptied, and deleted where no sequence starts from them."""

import re
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from xmit_pipeline.api import contacts as contact_calls
from xmit_pipeline.api import lists as calls
from xmit_pipeline.api.shapes import MOST_AT_ONCE, ListId
from xmit_pipeline.api.shapes_contacts import ContactIds, ContactImport, ListChange, ListDraft
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.marks import AtMark, Search
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit, own_path
from xmit_pipeline.model.addresses import address_fault, fold_address
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.dashboard_contacts import contact_ids_at, members_cut
from xmit_pipeline.store.dashboard_lists import lists_cut, sequences_from
from xmit_pipeline.store.keyset import Mark
from xmit_pipeline.store.list_rows import refuse_list_in_use
from xmit_pipeline.store.lists import get_list

router = APIRouter(prefix="/lists")

TOLD = 5
"""Addresses that a sentence names at most."""


@router.get("")
def show_lists(visit: AtVisit, q: Search = None, mark: AtMark = None) -> Response:
    """Lists, newest first, with how many are on them and who starts from them."""
    with visit.desk.reading() as (connection, _):
        cut, triggers = lists_cut(connection, q=q, mark=mark), sequences_from(connection)
    return visit.show("lists.html", cut=cut, q=q, triggers=triggers)


@router.get("/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return visit.show("list_new.html", values={}, faults={})


@router.post("")
def create(visit: AtVisit) -> Response:
    """A new, empty list."""
    values = _values(visit)
    try:
        made = calls.create_list(visit.asking("create_list"), checked(ListDraft, values))
    except (BadInput, Conflict) as error:
        return visit.show("list_new.html", status=400, values=values, faults=_faults(error))
    return visit.go(_address(made.id), "The list is there. Now who is on it.")


@router.get("/{list_id}")
def show_list(visit: AtVisit, list_id: ListId, q: Search = None, mark: AtMark = None) -> Response:
    """One list and its members, the latest first."""
    return _page(visit, list_id, q=q, mark=mark)


@router.get("/{list_id}/edit")
def show_edit(visit: AtVisit, list_id: ListId) -> Response:
    """Its name and description."""
    row = _list(visit, list_id)
    return visit.show("list_edit.html", row=row, values=row, faults={})


@router.post("/{list_id}/edit")
def update(visit: AtVisit, list_id: ListId) -> Response:
    """Change name and description."""
    row, values = _list(visit, list_id), _values(visit)
    try:
        calls.update_list(visit.asking("update_list"), list_id, checked(ListChange, values))
    except (BadInput, Conflict) as error:
        return visit.show("list_edit.html", status=400, row=row, values=values, faults=_faults(error))
    return visit.go(_address(list_id), "The list is saved.")


@router.post("/{list_id}/add")
def add(visit: AtVisit, list_id: ListId) -> Response:
    """Put those at some addresses on the list; who is not known becomes a contact where that was ticked."""
    addresses = list(
        dict.fromkeys(
            fold_address(each) for each in re.split(r"[\s,;]+", visit.form.text("addresses")) if each
        )
    )
    fault = _addresses_fault(addresses)
    if fault is None and visit.form.flag("create"):
        return _take_in(visit, list_id, addresses)
    if fault is None:
        with visit.desk.reading() as (connection, _):
            known = contact_ids_at(connection, addresses)
        strangers = [each for each in addresses if each not in known]
        fault = f"{_some(strangers)} not known; tick the box to make contacts of them." if strangers else None
        if fault is None:
            ids = [public_id(Kind.CONTACT, each) for each in known.values()]
            given = checked(ContactIds, {"contactIds": ids})
            added = calls.add_list_contacts(visit.asking("add_list_contacts"), list_id, given).added
            return visit.go(
                _address(list_id), f"{plural(added, 'contact')} added, {len(known) - added} on it before."
            )
    return _page(visit, list_id, faults={"addresses": fault})


@router.post("/{list_id}/remove")
def remove(visit: AtVisit, list_id: ListId) -> Response:
    """Take contacts off the list; several are asked about first."""
    ids, row = visit.form.all("id"), _list(visit, list_id)
    back = own_path(visit.form.text("back") or _address(list_id))
    if not ids:
        return visit.go(back, "Tick whom to take off first.", "bad")
    if len(ids) > 1 and not visit.sure:
        what = (
            f"{plural(len(ids), 'contact')} leave {row['name']}; they stay contacts.",
            "Sequences that are under way for them go on.",
        )
        return visit.ask(Deed("Take them off the list?", what, "Take them off", back))
    given = checked(ContactIds, {"contactIds": ids})
    removed = calls.remove_list_contacts(visit.asking("remove_list_contacts"), list_id, given).removed
    return visit.go(back, f"{plural(removed, 'contact')} taken off {row['name']}.")


@router.post("/{list_id}/delete")
def delete(visit: AtVisit, list_id: ListId) -> Response:
    """Forget the list; 409 with the reason where a sequence starts from it."""
    row = _list(visit, list_id)
    with visit.desk.reading() as (connection, _):
        refuse_list_in_use(connection, list_id)
    if not visit.sure:
        what = (
            f"{plural(row['contact_count'], 'contact')} leave it; they stay contacts.",
            "Sequences that are under way for them go on.",
        )
        return visit.ask(Deed(f"Delete the list {row['name']}?", what, "Delete it", _address(list_id)))
    calls.delete_list(visit.asking("delete_list"), list_id)
    return visit.go("/lists", f"The list {row['name']} is deleted.")


def _take_in(visit: Visit, list_id: UUID, addresses: list[str]) -> Response:
    known = public_id(Kind.LIST, list_id)
    given = checked(ContactImport, {"contacts": [{"email": each} for each in addresses], "listId": known})
    answer = contact_calls.import_contacts(visit.asking("import_contacts"), given)
    told = f"{plural(answer.created, 'new contact')}, {answer.skipped} known before; all of them are on the list."
    return visit.go(_address(list_id), told)


def _page(
    visit: Visit,
    list_id: UUID,
    *,
    q: str | None = None,
    mark: Mark | None = None,
    faults: Faults | None = None,
) -> Response:
    with visit.desk.reading() as (connection, _):
        row = get_list(connection, list_id)
        cut = members_cut(connection, list_id, q=q, mark=mark)
        triggers = sequences_from(connection, list_id).get(list_id, [])
    return visit.show(
        "list.html", status=400 if faults else 200, row=row, cut=cut, q=q, triggers=triggers, faults=faults or {},
        given=visit.form,
    )  # fmt: skip


def _addresses_fault(addresses: list[str]) -> str | None:
    if not addresses:
        return "Give at least one address."
    if len(addresses) > MOST_AT_ONCE:
        return f"At most {MOST_AT_ONCE:,} at once; import a file for more."
    wrong = next(((each, fault) for each in addresses if (fault := address_fault(each))), None)
    return f"{wrong[0][:100]}: {wrong[1]}" if wrong else None


def _some(addresses: list[str]) -> str:
    rest = len(addresses) - TOLD
    told = ", ".join(addresses[:TOLD]) + (f" and {rest:,} more" if rest > 0 else "")
    return f"{told} {'is' if len(addresses) == 1 else 'are'}"


def _values(visit: Visit) -> dict[str, Any]:
    return {"name": visit.form.text("name"), "description": visit.form.optional("description")}


def _faults(error: BadInput | Conflict) -> Faults:
    return faults_by_field(error) if isinstance(error, BadInput) else {"name": str(error)}


def _list(visit: Visit, list_id: UUID) -> dict[str, Any]:
    with visit.desk.reading() as (connection, _):
        return get_list(connection, list_id)


def _address(list_id: UUID) -> str:
    return f"/lists/{public_id(Kind.LIST, list_id)}"
