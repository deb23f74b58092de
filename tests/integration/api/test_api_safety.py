"""Suppressions, scopes, and the audit of who changed what (SPEC 3, 8)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.client import START, Api, opened_api
from xmit_pipeline.model.clock import iso
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.store.keys import KeyScope, create_key


def test_suppression_is_kept_and_listed(api: Api) -> None:
    """SPEC 3, 8: 201 whole; known already is 409; a second reason is kept beside the first."""
    made = api.made("/api/suppressions", {"email": " Ada@Example.org", "reason": "bounce"})
    again = api.post("/api/suppressions", {"email": "ada@example.org", "reason": "bounce"})
    api.made("/api/suppressions", {"email": "ada@example.org", "reason": "manual", "source": "support"})

    assert made == {
        "id": made["id"],
        "email": "ada@example.org",
        "reason": "bounce",
        "source": "api",
        "createdAt": "2026-03-02T09:30:20Z",
        "expiresAt": None,
    }
    assert again.status_code == 409
    assert api.found("/api/suppressions?reason=bounce")["suppressions"] == [made]
    assert api.found("/api/suppressions?q=ADA")["totalCount"] == 2


def test_check_says_whether_and_why(api: Api) -> None:
    """Research 1.5: reason and time, or no."""
    api.made("/api/suppressions", {"email": "ada@example.org", "reason": "complaint"})

    told = api.found("/api/suppressions/check/ADA@example.org")

    assert (told["suppressed"], told["reason"], told["createdAt"]) == (
        True,
        "complaint",
        "2026-03-02T09:30:20Z",
    )
    assert api.found("/api/suppressions/check/bea@example.org")["suppressed"] is False
    assert api.get("/api/suppressions/check/nobody").status_code == 400


def test_check_is_only_asked(api: Api) -> None:
    """SPEC 8: a method that an address does not take is 405, also where another call's path could read it."""
    api.made("/api/suppressions", {"email": "check/ada@example.org"})

    answer = api.delete("/api/suppressions/check/ada@example.org")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert api.found("/api/suppressions")["totalCount"] == 1


@pytest.mark.parametrize("written", ["sales/eu@example.org", "sales%2Feu@example.org"])
def test_address_with_a_slash_is_found(api: Api, written: str) -> None:
    """SPEC 3: a slash is a letter of the local part; such an address is checked and lifted like any."""
    api.made("/api/suppressions", {"email": "sales/eu@example.org"})

    found = api.found(f"/api/suppressions/check/{written}")
    lifted = api.delete(f"/api/suppressions/{written}")

    assert found["suppressed"] is True
    assert lifted.json() == {"success": True}
    assert api.found("/api/suppressions")["totalCount"] == 0


def test_suppression_ends_when_it_says(api: Api) -> None:
    """SPEC 3: it may expire; not in the past."""
    later = iso(START + timedelta(days=1))
    api.made("/api/suppressions", {"email": "ada@example.org", "expiresAt": later})
    past = api.post("/api/suppressions", {"email": "bea@example.org", "expiresAt": "2020-01-01T00:00:00Z"})
    number = api.post("/api/suppressions", {"email": "bea@example.org", "expiresAt": 1_900_000_000})

    api.clock.moment = START + timedelta(days=2)

    assert api.found("/api/suppressions/check/ada@example.org")["suppressed"] is False
    assert (past.status_code, number.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("reason", "status"), [("manual", 200), ("bounce", 200), ("unsubscribe", 409), ("complaint", 409)]
)
@pytest.mark.parametrize("by", ["id", "email"])
def test_own_wish_is_lifted_only_by_force(api: Api, reason: str, status: int, by: str) -> None:
    """SPEC 3: operators lift manual and bounce; the person's own word only with `force`, audited."""
    made = api.made("/api/suppressions", {"email": "ada@example.org", "reason": reason})
    here = f"/api/suppressions/{made[by]}"

    assert api.delete(here).status_code == status
    if status == 409:
        assert api.delete(f"{here}?force=true").json() == {"success": True}

    assert api.found("/api/suppressions")["totalCount"] == 0
    lifted = api.found("/api/audit?what=suppression.lift&about=ada@example.org")["entries"]
    assert [(entry["who"], entry["about"]["forced"]) for entry in lifted] == [("tests", status == 409)]


def test_lifting_nothing_is_no_fault_of_an_address(api: Api) -> None:
    """Research 1.5: it succeeds though absent; an unknown id is 404 (SPEC 9)."""
    assert api.delete("/api/suppressions/nobody@example.org").json() == {"success": True}
    assert api.delete(f"/api/suppressions/sup_{'0' * 26}").status_code == 404
    assert api.delete("/api/suppressions/nothing").status_code == 404


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Api]:
    """An API called with a key that may only look."""
    with opened_api(tmp_path) as opened:
        with opened.store.transaction() as connection:
            key = create_key(connection, "board", START, KeyScope.READ)
        opened.client.headers["Authorization"] = f"Bearer {key}"
        yield opened


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/lists"), ("PUT", "/api/senders/snd_x"), ("DELETE", "/api/contacts/con_x"),
        ("POST", "/v1/lists"), ("POST", "/api/nothing"), ("PATCH", "/api/lists"),
    ],
)  # fmt: skip
def test_reading_key_changes_nothing(reader: Api, method: str, path: str) -> None:
    """SPEC 8: scope `read` is GET only, else 403 with a sentence, before anything is read."""
    answer = reader.client.request(method, path, content=b"{")

    assert answer.status_code == 403
    assert "scope read" in answer.json()["error"]
    assert reader.found("/api/lists")["totalCount"] == 0


def test_audit_names_who_changed_what(api: Api) -> None:
    """SPEC 8: each change once, in its own transaction, without the values that were given."""
    list_id = api.new_list("secret name")
    api.put(f"/api/lists/{list_id}", {"name": "other name", "description": "x"})
    api.post("/api/lists", {"name": "other name"})
    api.delete(f"/api/lists/{list_id}")
    api.get(f"/api/lists/{list_id}")

    page = api.found(f"/api/audit?about={list_id}")

    assert [(entry["who"], entry["what"], entry["about"]) for entry in page["entries"]] == [
        ("tests", "delete_list", {"listId": list_id}),
        ("tests", "update_list", {"listId": list_id, "fields": ["name", "description"]}),
        ("tests", "create_list", {"id": list_id, "fields": ["name"]}),
    ]
    assert api.found("/api/audit")["totalCount"] == 3
    assert "name" not in {
        value for entry in page["entries"] for value in entry["about"].values() if value == "secret name"
    }


def audited(api: Api, what: str) -> dict[str, Any]:
    """What the one entry of this call is about."""
    [entry] = api.found(f"/api/audit?what={what}")["entries"]
    return entry["about"]


def test_audit_names_every_contact_deleted(api: Api) -> None:
    """SPEC 8: who was deleted is found by the id, though nothing else is left of them."""
    ids = [api.new_contact(f"p{number}@x.org") for number in range(3)]
    api.made("/api/contacts/bulk-delete", {"ids": ids})

    found = api.found(f"/api/audit?about={ids[2]}&what=delete_contacts")

    assert [entry["about"] for entry in found["entries"]] == [{"ids": ids, "idsCount": 3}]


def test_audit_keeps_first_hundred_ids(api: Api) -> None:
    """What nobody has is not kept, nor more than an entry can hold; the count says how many were named."""
    ids = [public_id(Kind.CONTACT, new_id()) for _ in range(150)]
    api.made("/api/contacts/bulk-delete", {"ids": ["nobody", *ids]})

    assert audited(api, "delete_contacts") == {"ids": ids[:100], "idsCount": 151}


def test_audit_tells_what_was_switched(api: Api) -> None:
    """SPEC 8: numbers, choices and yes or no as they were given."""
    domain_id = api.new_domain()
    api.put(f"/api/domains/{domain_id}/warmup", {"enabled": True, "factor": 1.5, "table": [25, 50]})
    api.made(f"/api/domains/{domain_id}/warmup/pause", {"reason": "moving"})
    api.made("/api/suppressions", {"email": "ada@example.org", "reason": "complaint"})

    assert audited(api, "update_warmup") == {
        "domainId": domain_id, "enabled": True, "factor": 1.5, "table": [25, 50], "tableCount": 2,
    }  # fmt: skip
    assert audited(api, "pause_warmup") == {"domainId": domain_id, "fields": ["reason"]}
    assert audited(api, "create_suppression")["reason"] == "complaint"


def test_audit_keeps_nothing_that_means_nothing(api: Api) -> None:
    """Values of fields that a call does not know may be anybody's data; of their names 50 are kept."""
    unknown = {f"x{first}{second}": 1 for first in "abcdefghi" for second in "abcdefghij"}
    body = {"email": "ada@example.org", "age": 44, "plan": "manual", "huge": 10**30, **unknown}
    api.made("/api/contacts", body)

    about = audited(api, "create_contact")

    assert set(about) == {"id", "fields"}
    assert about["fields"][:4] == ["email", "age", "plan", "huge"]
    assert len(about["fields"]) == 50


def test_each_group_of_calls_is_audited(api: Api) -> None:
    """Enrollments share transactions; the audit still has a line a call."""
    sequence_id = api.new_active()
    for number in range(3):
        api.made(
            f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact(f"p{number}@x.org")]}
        )

    assert api.found("/api/audit?what=enroll_contacts&who=tests")["totalCount"] == 3
    assert api.found("/api/audit?who=somebody")["totalCount"] == 0
