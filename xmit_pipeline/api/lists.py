"""Lists and who is on them (SPEC 2, 8)."""

from functools import partial

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage, Search, paged
from xmit_pipeline.api.shapes import ListId, Success
from xmit_pipeline.api.shapes_contacts import (
    Added,
    ContactIds,
    ContactList,
    ListChange,
    ListDraft,
    Lists,
    ListWithMembers,
    Member,
    Removed,
)
from xmit_pipeline.model.ids import Kind, parse_known_ids
from xmit_pipeline.store import list_rows, lists

router = APIRouter(prefix="/api/lists", tags=["lists"])


@router.get("")
def list_lists(desk: AtDesk, page: AtPage, q: Search = None) -> Lists:
    """Lists, newest first."""
    with desk.reading() as (connection, _):
        rows, total = paged(partial(lists.lists_page, connection, q=q), page)
    shown = [ContactList.model_validate(row) for row in rows]
    return Lists(lists=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_list(desk: AtDesk, draft: ListDraft) -> ContactList:
    """A new, empty list."""
    with desk.changing() as (connection, now):
        list_id = lists.create_list(connection, draft.name, now, draft.description)
        desk.made(Kind.LIST, list_id)
        return ContactList.model_validate(lists.get_list(connection, list_id))


@router.get("/{list_id}")
def get_list(desk: AtDesk, list_id: ListId, page: AtPage, q: Search = None) -> ListWithMembers:
    """One list and a page of its members, the latest first; `q` searches the members."""
    with desk.reading() as (connection, _):
        row = lists.get_list(connection, list_id)
        rows, total = paged(partial(list_rows.members_page, connection, list_id, q=q), page)
    members = [Member.model_validate(member) for member in rows]
    paging = {"total_count": total, "limit": page.limit, "offset": page.offset}
    return ListWithMembers.model_validate({**row, **paging, "contacts": members})


@router.put("/{list_id}")
def update_list(desk: AtDesk, list_id: ListId, change: ListChange) -> Success:
    """Change the name or the description."""
    describes = "description" in change.model_fields_set
    with desk.changing() as (connection, _):
        list_rows.update_list(
            connection, list_id, name=change.name, description=change.description, describes=describes
        )
    return Success()


@router.delete("/{list_id}")
def delete_list(desk: AtDesk, list_id: ListId) -> Success:
    """Forget a list that no sequence starts from, archived ones aside; its contacts stay."""
    with desk.changing() as (connection, now):
        list_rows.delete_list(connection, list_id, now)
    return Success()


@router.post("/{list_id}/contacts")
def add_list_contacts(desk: AtDesk, list_id: ListId, given: ContactIds) -> Added:
    """Put contacts on a list; who is new there is enrolled in its active sequences, all or nothing."""
    contact_ids = parse_known_ids(Kind.CONTACT, given.contact_ids)
    with desk.changing() as (connection, now):
        added, _ = lists.add_contacts(connection, list_id, contact_ids, now)
    return Added(added=added)


@router.delete("/{list_id}/contacts")
def remove_list_contacts(desk: AtDesk, list_id: ListId, given: ContactIds) -> Removed:
    """Take contacts off a list; their enrollments go on."""
    contact_ids = parse_known_ids(Kind.CONTACT, given.contact_ids)
    with desk.changing() as (connection, now):
        removed = lists.remove_contacts(connection, list_id, contact_ids, now)
    return Removed(removed=removed)
