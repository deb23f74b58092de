"""Lists and their members."""

import pytest

from tests.integration.api.client import Api


def test_new_list_is_answered_whole(api: Api) -> None:
    """SPEC 8: creates answer 201 with the whole object."""
    answer = api.post("/api/lists", {"name": "  Newsletter ", "description": "Monthly"})

    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "name": "Newsletter",
        "description": "Monthly",
        "contactCount": 0,
        "createdAt": "2026-03-02T09:30:20Z",
    }


def test_list_name_is_taken_once(api: Api) -> None:
    """SPEC 8: 409, for a new list and for a renamed one."""
    api.new_list("Newsletter")
    other = api.new_list("Other")

    assert api.post("/api/lists", {"name": "Newsletter"}).status_code == 409
    assert api.put(f"/api/lists/{other}", {"name": "Newsletter"}).status_code == 409


def test_list_change_keeps_the_rest(api: Api) -> None:
    """SPEC 8: PUT is partial; a list may keep its own name."""
    list_id = api.made("/api/lists", {"name": "Newsletter", "description": "Monthly"})["id"]
    here = f"/api/lists/{list_id}"

    assert api.put(here, {"name": "Newsletter"}).json() == {"success": True}
    kept = api.found(here)
    api.put(here, {"description": None})

    assert (kept["name"], kept["description"]) == ("Newsletter", "Monthly")
    assert api.found(here)["description"] is None
    assert api.put(here, {"name": None}).status_code == 400


def test_members_are_added_once(api: Api) -> None:
    """Contacts already there, repeated, or of nobody are passed over."""
    list_id, ada, grace = api.new_list(), api.new_contact("ada@x.org"), api.new_contact("grace@x.org")
    here = f"/api/lists/{list_id}/contacts"

    first = api.made(here, {"contactIds": [ada]})
    second = api.made(here, {"contactIds": [ada, grace, grace, list_id, "con_nobody"]})

    assert (first, second) == ({"added": 1}, {"added": 1})
    assert api.found("/api/lists")["lists"][0]["contactCount"] == 2


def test_members_are_removed_once(api: Api) -> None:
    """A DELETE with a body; the contact itself stays."""
    list_id, ada = api.new_list(), api.new_contact()
    here = f"/api/lists/{list_id}/contacts"
    api.made(here, {"contactIds": [ada]})

    first, second = (api.delete(here, {"contactIds": [ada, "con_nobody"]}).json() for _ in range(2))

    assert (first, second) == ({"removed": 1}, {"removed": 0})
    assert api.found(f"/api/contacts/{ada}")["id"] == ada


def test_list_shows_a_page_of_members(api: Api) -> None:
    """Its `q`, `limit` and `offset` are about the members."""
    list_id = api.new_list()
    people = [{"email": f"p{number}@x.org", "firstName": f"Name {number}"} for number in range(12)]
    api.made("/api/contacts/import", {"contacts": people, "listId": list_id})

    page = api.found(f"/api/lists/{list_id}?limit=5&offset=10")
    searched = api.found(f"/api/lists/{list_id}?q=NAME 1")

    assert (page["contactCount"], page["totalCount"], len(page["contacts"])) == (12, 12, 2)
    assert {row["email"] for row in searched["contacts"]} == {"p1@x.org", "p10@x.org", "p11@x.org"}
    assert searched["contacts"][0]["status"] == "active"


def test_rejoining_the_list_enrolls_nobody(api: Api) -> None:
    """PAINS A8: leaving and rejoining re-enrolls nobody."""
    list_id, ada = api.new_list(), api.new_contact()
    sequence_id = api.new_active(triggerType="list_add", triggerListId=list_id)
    for _ in range(2):
        api.made(f"/api/lists/{list_id}/contacts", {"contactIds": [ada]})
        api.delete(f"/api/lists/{list_id}/contacts", {"contactIds": [ada]})

    assert api.found(f"/api/sequences/{sequence_id}/enrollments")["totalCount"] == 1


@pytest.mark.parametrize(("moves", "status"), [([], 409), (["archive"], 200)])
def test_list_in_use_stays(api: Api, moves: list[str], status: int) -> None:
    """SPEC 2, Delete: 409 while a sequence that is not archived starts from it."""
    list_id = api.new_list()
    sequence_id = api.new_draft(triggerType="list_add", triggerListId=list_id)
    for move in moves:
        api.made(f"/api/sequences/{sequence_id}/{move}")

    assert api.delete(f"/api/lists/{list_id}").status_code == status


def test_list_that_starts_nothing_is_deleted(api: Api) -> None:
    """SPEC 2: a sequence that is made manual lets its list go; one that is manual never had it."""
    list_id = api.new_list()
    turned = api.new_draft(triggerType="list_add", triggerListId=list_id)
    manual = api.new_draft(triggerType="manual", triggerListId=list_id)

    api.put(f"/api/sequences/{turned}", {"triggerType": "manual"})

    assert [api.found(f"/api/sequences/{each}")["triggerListId"] for each in (turned, manual)] == [None, None]
    assert api.delete(f"/api/lists/{list_id}").status_code == 200


def test_deleted_list_leaves_its_contacts(api: Api) -> None:
    """Its name is free again, its address is 404."""
    list_id, ada = api.new_list(), api.new_contact()
    api.made(f"/api/lists/{list_id}/contacts", {"contactIds": [ada]})

    api.delete(f"/api/lists/{list_id}")

    assert api.get(f"/api/lists/{list_id}").status_code == 404
    assert api.post(f"/api/lists/{list_id}/contacts", {"contactIds": [ada]}).status_code == 404
    assert api.found(f"/api/lists/{api.new_list()}")["totalCount"] == 0
    assert api.found(f"/api/contacts/{ada}")["status"] == "active"
