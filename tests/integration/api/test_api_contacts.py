"""Contacts, one by one and by import."""

from tests.integration.api.client import Api


def test_new_contact_is_answered_whole(api: Api) -> None:
    """SPEC 1: keyed by case-folded address."""
    given = {
        "email": " Ada@Example.ORG ",
        "firstName": "Ada",
        "lastName": " ",
        "metadata": {"companyName": "Analytical Engines", "tags": ["a", {"b": 1.5}], "n": None},
        "timezone": "Europe/London",
    }

    made = api.made("/api/contacts", given)

    assert made == {
        **given,
        "id": made["id"],
        "email": "ada@example.org",
        "lastName": None,
        "status": "active",
        "createdAt": "2026-03-02T09:30:20Z",
        "updatedAt": "2026-03-02T09:30:20Z",
    }
    assert api.found(f"/api/contacts/{made['id']}") == made


def test_known_address_is_a_conflict(api: Api) -> None:
    """SPEC 8: 409, in any case."""
    api.new_contact("ada@example.org")

    assert api.post("/api/contacts", {"email": "ADA@example.org"}).status_code == 409


def test_contact_joins_its_list_at_once(api: Api) -> None:
    """One transaction: with an unknown list there is no contact either."""
    list_id = api.new_list()
    sequence_id = api.new_active(triggerType="list_add", triggerListId=list_id)

    api.new_contact("ada@example.org", listId=list_id)
    refused = api.post("/api/contacts", {"email": "bea@example.org", "listId": f"lst_{'0' * 26}"})

    assert api.found(f"/api/sequences/{sequence_id}/enrollments")["totalCount"] == 1
    assert (refused.status_code, api.found("/api/contacts")["totalCount"]) == (404, 1)


def test_contacts_are_found_by_name_and_address(api: Api) -> None:
    """The search looks in both, in any case."""
    api.new_contact("ada@example.org", firstName="Ada", lastName="Lovelace")
    api.new_contact("grace@example.org", firstName="Grace")

    for q, names in {"LOVE": ["Ada"], "a love": ["Ada"], "example.ORG": ["Grace", "Ada"], "%": []}.items():
        assert sorted(row["firstName"] for row in api.found(f"/api/contacts?q={q}")["contacts"]) == sorted(
            names
        )


def test_import_counts_every_row_once(api: Api) -> None:
    """SPEC 8: created + skipped + errors is what was given; a bad row stops no other."""
    api.new_contact("ada@example.org", firstName="Ada")
    rows = [
        {"email": "ADA@example.org", "firstName": "Changed"},
        {"email": "bea@example.org"},
        {"email": "nobody"},
        {"email": "cleo@example.org", "metadata": "none"},
        "dora@example.org",
        {"email": "Bea@example.org", "firstName": "Bea"},
        {"email": "emil@example.org", "firstName": 5},
    ]

    answer = api.made("/api/contacts/import", {"contacts": rows})

    assert (answer["created"], answer["skipped"]) == (1, 2)
    assert [(fault["index"], fault["field"]) for fault in answer["errors"]] == [
        (2, "email"),
        (3, "metadata"),
        (4, "contacts"),
        (6, "firstName"),
    ]


def test_import_keeps_what_is_known(api: Api) -> None:
    """SPEC 8: existing contacts keep their fields, and join the list."""
    list_id = api.new_list()
    ada = api.new_contact("ada@example.org", firstName="Ada", metadata={"plan": "pro"})
    before = api.found(f"/api/contacts/{ada}")
    rows = [{"email": "Ada@example.org", "firstName": "Other", "lastName": "New", "metadata": {"plan": "x"}}]

    api.made("/api/contacts/import", {"contacts": rows, "listId": list_id})

    assert api.found(f"/api/contacts/{ada}") == before
    assert api.found(f"/api/lists/{list_id}")["contacts"][0]["id"] == ada


def test_import_merges_a_repeated_address(api: Api) -> None:
    """SPEC 9: one contact; later values fill, blanks erase nothing."""
    rows = [
        {"email": "ada@example.org", "firstName": "A", "lastName": "Lovelace", "metadata": {"x": 1, "y": 1}},
        {"email": "ADA@example.org", "firstName": "Ada", "lastName": "", "metadata": {"y": 2}},
    ]

    api.made("/api/contacts/import", {"contacts": rows})

    (kept,) = api.found("/api/contacts")["contacts"]
    assert (kept["firstName"], kept["lastName"], kept["metadata"]) == ("Ada", "Lovelace", {"x": 1, "y": 2})


def test_import_repeated_changes_nothing(api: Api) -> None:
    """A client that lost the answer may ask again."""
    list_id = api.new_list()
    sequence_id = api.new_active(triggerType="list_add", triggerListId=list_id)
    given = {"contacts": [{"email": f"p{number}@x.org"} for number in range(40)], "listId": list_id}

    first, second = (api.made("/api/contacts/import", given) for _ in range(2))

    assert (first["created"], second["created"], second["skipped"]) == (40, 0, 40)
    assert api.found(f"/api/sequences/{sequence_id}/enrollments")["totalCount"] == 40
    assert api.found(f"/api/lists/{list_id}")["contactCount"] == 40


def test_import_takes_ten_thousand_or_none(api: Api) -> None:
    """SPEC 8: up to 10,000; nothing of a larger call is written."""
    rows = [{"email": f"p{number}@x.org"} for number in range(10_000)]

    too_many = api.post("/api/contacts/import", {"contacts": [*rows, {"email": "one@x.org"}]})
    none = api.made("/api/contacts/import", {"contacts": []})
    before = api.found("/api/contacts")["totalCount"]

    assert (too_many.status_code, none, before) == (400, {"created": 0, "skipped": 0, "errors": []}, 0)
    assert api.made("/api/contacts/import", {"contacts": rows})["created"] == 10_000


def test_import_onto_an_unknown_list_writes_nothing(api: Api) -> None:
    """SPEC 9: 404, and no contact."""
    given = {"contacts": [{"email": "ada@example.org"}], "listId": f"lst_{'0' * 26}"}

    assert api.post("/api/contacts/import", given).status_code == 404
    assert api.found("/api/contacts")["totalCount"] == 0
