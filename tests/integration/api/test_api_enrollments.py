"""Getting people into sequences and out of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.api.client import START, Api


def test_enrolling_counts_every_id(api: Api) -> None:
    """SPEC 3: enrolled, skipped, and the reasons."""
    sequence_id = api.new_active()
    ada, grace, idle, blocked = (api.new_contact(f"p{number}@x.org") for number in range(4))
    with api.store.transaction() as connection:
        connection.execute("UPDATE contact SET status = 'unsubscribed' WHERE email = 'p2@x.org'")
        connection.execute(
            "INSERT INTO suppression VALUES (uuidv7(), 'p3@x.org', 'manual', 'api', $now, NULL, NULL)",
            {"now": START},
        )
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})

    answer = api.made(
        f"/api/sequences/{sequence_id}/enroll",
        {"contactIds": [ada, grace, grace, idle, blocked, sequence_id, f"con_{'0' * 26}"]},
    )

    assert (answer["enrolled"], answer["skipped"]) == (1, 6)
    assert answer["skippedReasons"] == {
        "already_enrolled": 1, "duplicate": 1, "inactive": 1, "suppressed": 1, "not_found": 2,
    }  # fmt: skip


def test_enrolling_again_changes_nothing(api: Api) -> None:
    """PAINS A9: enrolling while active is a no-op, reported as skipped."""
    sequence_id, ada = api.new_active(), api.new_contact()
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})
    before = api.found(f"/api/sequences/{sequence_id}/enrollments")

    again = api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})

    assert again == {"enrolled": 0, "skipped": 1, "skippedReasons": {"already_enrolled": 1}}
    assert api.found(f"/api/sequences/{sequence_id}/enrollments") == before


def test_enrolling_at_once_enrolls_once(api: Api) -> None:
    """PAINS A2: eight calls in the same moment, the same result as one after the other."""
    sequence_id, ada = api.new_active(), api.new_contact()

    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(api.made, f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})
            for _ in range(8)
        ]

    assert sum(call.result()["enrolled"] for call in calls) == 1
    assert api.found(f"/api/sequences/{sequence_id}/enrollments")["totalCount"] == 1


@pytest.mark.parametrize("moves", [[], ["activate", "pause"], ["archive"]])
def test_only_active_sequences_take_people(api: Api, moves: list[str]) -> None:
    """PAINS D3: draft, paused and archived ones answer 409."""
    api.new_sender(api.new_domain())
    sequence_id = api.new_draft()
    api.new_step(sequence_id)
    for move in moves:
        api.made(f"/api/sequences/{sequence_id}/{move}")

    answer = api.post(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})

    assert answer.status_code == 409


def test_too_many_ids_are_refused(shared_api: Api) -> None:
    """SPEC 3: up to 10,000 in a call."""
    sequence_id = shared_api.new_active()

    refused = shared_api.post(f"/api/sequences/{sequence_id}/enroll", {"contactIds": ["con_x"] * 10_001})
    none = shared_api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": []})

    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "contactIds")
    assert none == {"enrolled": 0, "skipped": 0, "skippedReasons": {}}


def test_enrollment_tells_where_it_stands(api: Api) -> None:
    """SPEC 2, Delays: due times are whole UTC minutes."""
    sequence_id = api.new_active()
    ada = api.new_contact("ada@example.org", firstName="Ada")
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [ada]})

    (row,) = api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]

    assert (row["email"], row["firstName"], row["contactId"], row["source"]) == (
        "ada@example.org", "Ada", ada, "manual",
    )  # fmt: skip
    assert (row["stepName"], row["dueAt"], row["enrolledAt"], row["endedAt"]) == (
        "Hello", "2026-03-02T09:30:00Z", "2026-03-02T09:30:20Z", None,
    )  # fmt: skip


def test_exit_takes_one_person_out(api: Api) -> None:
    """SPEC 3: manual exit; of somebody who is out already it is 409."""
    sequence_id = api.new_active()
    people = [api.new_contact(f"p{number}@x.org") for number in range(3)]
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": people})
    here = f"/api/sequences/{sequence_id}/enrollments"
    leaving = api.found(here)["enrollments"][0]["id"]

    first, second = (api.post(f"{here}/{leaving}/exit") for _ in range(2))

    assert (first.json(), second.status_code) == ({"success": True}, 409)
    (exited,) = api.found(f"{here}?status=exited")["enrollments"]
    assert (exited["id"], exited["exitReason"]) == (leaving, "manual")
    assert api.found(f"{here}?status=active")["totalCount"] == 2


def test_enrollment_belongs_to_its_sequence(api: Api) -> None:
    """SPEC 9: under another sequence it is 404."""
    sequence_id, other = api.new_active(), api.new_active(name="Other")
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})
    (row,) = api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]

    assert api.post(f"/api/sequences/{other}/enrollments/{row['id']}/exit").status_code == 404
    assert api.get(f"/api/sequences/seq_{'0' * 26}/enrollments").status_code == 404
