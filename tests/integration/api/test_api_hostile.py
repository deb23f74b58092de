"""Whatever is sent, the answer is a refusal or a success, never a breakdown (SPEC 9)."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.api.client import Api

NASTY = st.one_of(
    st.sampled_from(
        ["\x00", "\ud800", "a\x00b@x.org", "' OR 1=1 --", "{{", "{% if %}", "con_", "\u202e", "x" * 999]
    ),
    st.text(st.characters(), max_size=12),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    NASTY,
    st.floats(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.just(10**400),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "name", "description", "email", "firstName", "metadata", "timezone", "listId", "verified", "domainId", "replyTo",
    "triggerType", "triggerListId", "senderId", "enrollExisting", "priority", "resumeWindowMinutes", "subject",
    "bodyHtml", "bodyText", "delayAmount", "delayUnit", "contactIds", "contacts", "enabled", "start", "factor",
    "target", "table", "pacing", "holdTarget", "reason", "skipFailing",
]  # fmt: skip
BODIES = st.one_of(VALUES, st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6))


@pytest.fixture(scope="module")
def doors(shared_api: Api) -> list[tuple[str, str]]:
    """Every call that takes a body, and a good body to spoil where most fields are needed."""
    domain_id, list_id = shared_api.new_domain("hostile.example.com"), shared_api.new_list("hostile")
    sender_id = shared_api.new_sender(domain_id, "hello@hostile.example.com")
    sequence_id = shared_api.new_active()
    step_id = shared_api.new_step(sequence_id)
    return [
        ("POST", "/api/domains"),
        ("PUT", f"/api/domains/{domain_id}/warmup"),
        ("POST", f"/api/domains/{domain_id}/warmup/pause"),
        ("POST", "/api/senders"),
        ("PUT", f"/api/senders/{sender_id}"),
        ("POST", "/api/lists"),
        ("PUT", f"/api/lists/{list_id}"),
        ("POST", f"/api/lists/{list_id}/contacts"),
        ("DELETE", f"/api/lists/{list_id}/contacts"),
        ("POST", "/api/contacts"),
        ("POST", "/api/contacts/import"),
        ("POST", "/api/sequences"),
        ("POST", f"/api/sequences/{sequence_id}/steps"),
        ("POST", f"/api/sequences/{sequence_id}/enroll"),
        ("POST", f"/api/sequences/{sequence_id}/steps/{step_id}/release"),
    ]


def _good(path: str) -> dict[str, Any]:
    name = path.rsplit("/", 1)[-1]
    return {
        "contacts": {"email": "a@b.co", "contactIds": []},
        "import": {"contacts": [{"email": "a@b.co"}]},
        "sequences": {"name": "x", "triggerType": "manual"},
        "steps": {"name": "x", "subject": "x", "bodyHtml": "x"},
        "lists": {"name": "x"},
    }.get(name, {})


@given(st.integers(0, 14), BODIES)
def test_no_body_breaks_a_call(
    shared_api: Api, doors: list[tuple[str, str]], number: int, body: object
) -> None:
    """SPEC 9: never a 500; the client raises what the app does not handle."""
    method, path = doors[number]
    spoilt = {**_good(path), **body} if isinstance(body, dict) else body

    answer = shared_api.client.request(
        method, path, content=json.dumps(spoilt), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (200, 201, 400, 404, 409)


@given(NASTY)
@settings(max_examples=25)
def test_no_text_breaks_an_import_row(shared_api: Api, text: str) -> None:
    """SPEC 9: a row is taken or refused by itself."""
    rows = [{"email": text}, {"email": "a@b.co", "metadata": {text: text}}, {text: text}, text]

    answer = shared_api.client.post(
        "/api/contacts/import",
        content=json.dumps({"contacts": rows}),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 200
    assert sum([answer.json()["created"], answer.json()["skipped"], len(answer.json()["errors"])]) == 4


@pytest.mark.parametrize(
    "path",
    [
        "/api/contacts/%00",
        "/api/contacts/%ff%fe",
        "/api/contacts/con_%00%00",
        "/api/contacts/" + "c" * 5000,
        "/api/contacts/..%2f..%2fetc",
        "/api/sequences/seq_%F0%9F%92%A9/steps",
        "/api/contacts?q=%00",
        "/api/contacts?q=%ed%a0%80",
        "/api/contacts?limit=1e3",
        "/api/contacts?limit=%00",
        "/api/sequences?status=%ff",
        "/api//contacts",
        "/v1x/contacts",
    ],
)
def test_no_address_breaks_a_call(shared_api: Api, path: str) -> None:
    """SPEC 9: 404 for what can't be an id, 400 for what can't be a filter."""
    assert shared_api.get(path).status_code in (200, 400, 404)


def test_deep_metadata_is_refused(shared_api: Api) -> None:
    """SPEC 9: what JSON, SQL and Liquid could not all carry."""
    body = b'{"email": "deep@x.org", "metadata": {"x": ' + b"[" * 500 + b"]" * 500 + b"}}"

    answer = shared_api.client.post(
        "/api/contacts", content=body, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "metadata")
