"""Pages of lists: every row once, whatever the page's size (SPEC 8)."""

from collections.abc import Iterator

import pytest

from tests.integration.api.client import Api, opened_api

PEOPLE = 23


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, dict[str, str]]]:
    """23 of everything, all of the same moment, and where each list is."""
    with opened_api(tmp_path_factory.mktemp("crowded")) as api:
        yield api, _crowd(api)


def _furnish(api: Api, number: int) -> None:
    api.made("/api/templates", {"name": f"t{number}", "subject": "x", "bodyHtml": "x"})
    api.made("/api/suppressions", {"email": f"s{number}@x.org"})


def _crowd(api: Api) -> dict[str, str]:
    list_id = api.new_list("members")
    sequence_id = api.new_active(triggerType="list_add", triggerListId=list_id)
    people = [{"email": f"p{number}@x.org"} for number in range(PEOPLE)]
    api.made("/api/contacts/import", {"contacts": people, "listId": list_id})
    for number in range(PEOPLE - 1):
        api.new_list(f"list {number}")
        api.new_draft(name=f"sequence {number}")
        api.new_domain(f"d{number}.example.com")
        api.new_step(sequence_id)
        _furnish(api, number)
    _furnish(api, PEOPLE)
    for row in api.found(f"/api/lists/{list_id}")["contacts"]:
        api.made(f"/api/contacts/{row['id']}/unsubscribe")
    with api.store.transaction() as connection:
        spare = "DELETE FROM audit WHERE id NOT IN (SELECT id FROM audit LIMIT $kept)"
        connection.execute(spare, {"kept": PEOPLE})
    here = f"/api/sequences/{sequence_id}"
    return {
        "contacts": "/api/contacts",
        "members": f"/api/lists/{list_id}",
        "lists": "/api/lists",
        "sequences": "/api/sequences",
        "domains": "/api/domains",
        "steps": f"{here}/steps",
        "enrollments": f"{here}/enrollments",
        "templates": "/api/templates",
        "suppressions": "/api/suppressions?reason=manual",
        "messages": "/api/messages",
        "entries": "/api/audit",
    }


LISTS = [
    "contacts", "members", "lists", "sequences", "domains", "steps", "enrollments", "templates", "suppressions",
    "messages", "entries",
]  # fmt: skip


@pytest.mark.parametrize("plural", LISTS)
def test_pages_hold_every_row_once(crowded: tuple[Api, dict[str, str]], plural: str) -> None:
    """SPEC 8: ordering is total, so paging never drops or repeats a row, in any size of page."""
    api, paths = crowded
    rows = "contacts" if plural == "members" else plural
    whole = [row["id"] for row in api.found(paths[plural])[rows]]

    for size in (1, 7, 23, 1000):
        asked = f"{paths[plural]}{'&' if '?' in paths[plural] else '?'}limit={size}"
        pages = [api.found(f"{asked}&offset={at}") for at in range(0, PEOPLE, size)]
        assert [row["id"] for page in pages for row in page[rows]] == whole
        assert {page["totalCount"] for page in pages} == {len(set(whole))} == {PEOPLE}


@pytest.mark.parametrize("plural", LISTS)
def test_page_beyond_the_end_keeps_the_total(crowded: tuple[Api, dict[str, str]], plural: str) -> None:
    """A client that jumps too far still learns how many there are."""
    api, paths = crowded

    page = api.found(f"{paths[plural]}{'&' if '?' in paths[plural] else '?'}offset={2**53}")

    assert page["contacts" if plural == "members" else plural] == []
    assert (page["totalCount"], page["limit"], page["offset"]) == (PEOPLE, 50, 2**53)
