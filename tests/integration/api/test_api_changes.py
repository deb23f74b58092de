"""Changing and taking away what was made (SPEC 2, 3, 8)."""

from typing import Any

import pytest

from tests.integration.api.client import Api

DONE = {"success": True}


def _ids(api: Api, sequence_id: str) -> list[str]:
    return [step["id"] for step in api.found(f"/api/sequences/{sequence_id}/steps")["steps"]]


def test_sequence_changes_what_is_given(api: Api) -> None:
    """SPEC 8: PUT is partial; null takes the sender away."""
    sender_id = api.new_sender(api.new_domain())
    sequence_id = api.new_draft(senderId=sender_id, priority=7)
    here = f"/api/sequences/{sequence_id}"
    before = api.found(here)

    assert api.put(here, {"name": "Renamed", "senderId": None, "reenroll": True}).json() == DONE

    assert api.found(here) == {**before, "name": "Renamed", "senderId": None, "reenroll": True}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": None}, 400),
        ({"priority": "high"}, 400),
        ({"triggerType": "list_add"}, 400),
        ({"triggerListId": f"lst_{'0' * 26}"}, 404),
        ({"senderId": f"snd_{'0' * 26}"}, 404),
        ({}, 200),
    ],
)
def test_bad_change_of_a_sequence_writes_nothing(api: Api, change: dict[str, Any], status: int) -> None:
    """SPEC 9."""
    here = f"/api/sequences/{api.new_draft()}"
    before = api.found(here)

    assert api.put(here, change).status_code == status

    assert api.found(here) == before


def test_active_sequence_keeps_its_trigger(api: Api) -> None:
    """SPEC 2: trigger and list change only in draft or paused; delete only as draft or archived."""
    sequence_id, list_id = api.new_active(), api.new_list()
    here, change = f"/api/sequences/{sequence_id}", {"triggerType": "list_add", "triggerListId": list_id}

    assert (api.put(here, change).status_code, api.delete(here).status_code) == (409, 409)
    api.made(f"{here}/pause")
    assert api.put(here, change).json() == DONE
    api.made(f"{here}/archive")
    assert (api.delete(here).json(), api.get(here).status_code) == (DONE, 404)


def test_steps_are_changed_moved_and_taken_out(api: Api) -> None:
    """SPEC 2: edit, insert at a position, reorder, delete."""
    sequence_id = api.new_draft()
    here = f"/api/sequences/{sequence_id}/steps"
    first, third = api.new_step(sequence_id, name="one"), api.new_step(sequence_id, name="three")
    second = api.new_step(sequence_id, name="two", position=2)
    assert _ids(api, sequence_id) == [first, second, third]

    assert (
        api.put(f"{here}/{second}", {"subject": "New", "delayAmount": 3, "delayUnit": "hour"}).json() == DONE
    )
    assert api.post(f"{here}/reorder", {"stepIds": [third, first, second]}).json() == DONE
    assert api.delete(f"{here}/{first}").json() == DONE

    assert _ids(api, sequence_id) == [third, second]
    changed = api.found(f"{here}/{second}")
    assert (changed["name"], changed["subject"], changed["delayAmount"], changed["delayUnit"]) == (
        "two", "New", 3, "hours",
    )  # fmt: skip
    assert api.get(f"{here}/{first}").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": "{{ x"}, "subject"),
        ({"bodyHtml": "{% if %}"}, "bodyHtml"),
        ({"delayAmount": -1}, "delayAmount"),
        ({"delayAmount": 4000, "delayUnit": "days"}, "delayAmount"),
        ({"subject": None}, "subject"),
    ],
)
def test_bad_change_of_a_step_names_its_field(api: Api, change: dict[str, Any], field: str) -> None:
    """SPEC 5, 9: refused when it is saved, and the step stays."""
    sequence_id = api.new_draft()
    here = f"/api/sequences/{sequence_id}/steps/{api.new_step(sequence_id)}"
    before = api.found(here)

    answer = api.put(here, change)

    assert (answer.status_code, [fault["field"] for fault in answer.json()["details"]]) == (400, [field])
    assert api.found(here) == before


def test_order_names_every_step_once(api: Api) -> None:
    """SPEC 9."""
    sequence_id = api.new_draft()
    step_id = api.new_step(sequence_id)
    for wanted in ([], [step_id, step_id], [f"stp_{'0' * 26}"]):
        answer = api.post(f"/api/sequences/{sequence_id}/steps/reorder", {"stepIds": wanted})
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "stepIds")


def test_last_step_of_an_active_sequence_stays(api: Api) -> None:
    """SPEC 2: 409."""
    sequence_id = api.new_active()

    answer = api.delete(f"/api/sequences/{sequence_id}/steps/{_ids(api, sequence_id)[0]}")

    assert answer.status_code == 409


def test_editing_never_changes_counters(api: Api) -> None:
    """SPEC 2, PAINS C16: whatever is edited, the figures stay."""
    sequence_id = api.new_active()
    here, step_id = f"/api/sequences/{sequence_id}", _ids(api, sequence_id)[0]
    for number in range(3):
        contact_id = api.new_contact(f"p{number}@x.org")
        api.made(f"{here}/enroll", {"contactIds": [contact_id]})
        if number:
            api.made(f"/api/contacts/{contact_id}/unsubscribe")
    before = api.found(f"{here}/stats")
    assert before["steps"][0]["skipped"] == 2

    api.put(f"{here}/steps/{step_id}", {"name": "Other", "subject": "Other", "delayAmount": 5})
    other = api.new_step(sequence_id, delayAmount=9)
    api.post(f"{here}/steps/reorder", {"stepIds": [other, step_id]})
    api.put(here, {"name": "Renamed", "priority": 1})

    after = api.found(f"{here}/stats")
    moved = next(step for step in after["steps"] if step["stepId"] == step_id)
    assert {**moved, "name": "Hello"} == before["steps"][0]
    assert after["enrollments"] == before["enrollments"]


def test_people_are_listed_by_state_and_taken_out(api: Api) -> None:
    """PAINS C15: a list of enrollments by state, and a way out for each."""
    sequence_id = api.new_active()
    here = f"/api/sequences/{sequence_id}"
    api.made(f"{here}/enroll", {"contactIds": [api.new_contact(f"p{number}@x.org") for number in range(3)]})
    first = api.found(f"{here}/enrollments")["enrollments"][0]

    assert api.made(f"{here}/enrollments/{first['id']}/exit") == DONE
    assert api.post(f"{here}/enrollments/{first['id']}/exit").status_code == 409
    api.made(f"{here}/pause")

    counts = {
        status: api.found(f"{here}/enrollments?status={status}")["totalCount"]
        for status in ("active", "paused", "completed", "exited")
    }
    assert counts == {"active": 0, "paused": 2, "completed": 0, "exited": 1} == api.found(here)["enrollments"]
    (left,) = api.found(f"{here}/enrollments?status=exited")["enrollments"]
    assert (left["id"], left["exitReason"]) == (first["id"], "manual")


def test_contact_changes_what_is_given(api: Api) -> None:
    """SPEC 3, 8: partial; metadata is replaced whole; another's address is a conflict."""
    ada = api.new_contact("ada@example.org", firstName="Ada", metadata={"a": 1, "b": 2})
    api.new_contact("grace@example.org")
    here = f"/api/contacts/{ada}"

    assert (
        api.put(here, {"lastName": "Lovelace", "metadata": {"b": 3}, "email": "ADA@new.org"}).json() == DONE
    )
    assert api.put(here, {"email": "Grace@example.org"}).status_code == 409
    assert api.put(here, {"metadata": None}).status_code == 400

    kept = api.found(here)
    assert (kept["email"], kept["firstName"], kept["lastName"], kept["metadata"]) == (
        "ada@new.org", "Ada", "Lovelace", {"b": 3},
    )  # fmt: skip


def test_deleted_contact_leaves_everything(api: Api) -> None:
    """SPEC 3: enrollments exit as contact_deleted; suppressions stay."""
    sequence_id, ada = api.new_active(), api.new_contact("ada@example.org")
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})
    api.made("/api/suppressions", {"email": "bea@example.org"})

    assert api.delete(f"/api/contacts/{ada}").json() == DONE

    (left,) = api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]
    assert (left["exitReason"], left["email"]) == ("contact_deleted", None)
    assert (api.get(f"/api/contacts/{ada}").status_code, api.delete(f"/api/contacts/{ada}").status_code) == (
        404,
        404,
    )
    assert api.found("/api/suppressions")["totalCount"] == 1


def test_unsubscribed_contact_leaves_all_sequences(api: Api) -> None:
    """SPEC 3, 7: the address is suppressed; repeats are harmless."""
    sequence_id, ada = api.new_active(), api.new_contact("ada@example.org")
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})

    for _ in range(2):
        assert api.made(f"/api/contacts/{ada}/unsubscribe") == DONE

    assert api.found(f"/api/contacts/{ada}")["status"] == "unsubscribed"
    assert api.found("/api/contacts?status=unsubscribed")["totalCount"] == 1
    (left,) = api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]
    assert (left["status"], left["exitReason"]) == ("exited", "unsubscribed")
    assert api.found("/api/suppressions/check/Ada@example.org")["reason"] == "unsubscribe"


def test_bulk_makes_all_or_none(api: Api) -> None:
    """SPEC 8: one bad row or a known address refuses the call as a whole."""
    list_id = api.new_list()
    rows = [{"email": "b@x.org", "firstName": "B"}, {"email": "a@x.org"}]

    made = api.made("/api/contacts/bulk", {"contacts": rows, "listId": list_id})
    twice = api.post("/api/contacts/bulk", {"contacts": [{"email": "c@x.org"}, {"email": "C@x.org"}]})
    bad = api.post("/api/contacts/bulk", {"contacts": [{"email": "d@x.org"}, {"email": "nobody"}]})

    assert [row["email"] for row in made["contacts"]] == ["b@x.org", "a@x.org"]
    assert api.found(f"/api/lists/{list_id}")["contactCount"] == 2
    assert (twice.status_code, bad.status_code, bad.json()["details"][0]["field"]) == (
        409,
        400,
        "contacts.1.email",
    )
    assert api.found("/api/contacts")["totalCount"] == 2


def test_many_contacts_are_deleted_at_once(api: Api) -> None:
    """SPEC 8: ids of nobody are passed over; `deleteAll` takes everybody."""
    rows = [{"email": f"p{number}@x.org"} for number in range(40)]
    api.made("/api/contacts/import", {"contacts": rows})
    ids = [row["id"] for row in api.found("/api/contacts?limit=10")["contacts"]]

    some = api.made("/api/contacts/bulk-delete", {"ids": [*ids, "con_nobody", ids[0]]})
    rest = api.made("/api/contacts/bulk-delete", {"deleteAll": True})

    assert (some["deleted"], rest["deleted"], api.found("/api/contacts")["totalCount"]) == (10, 30, 0)
