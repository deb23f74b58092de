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
    "target", "table", "pacing", "holdTarget", "reason", "skipFailing", "reenroll", "position", "templateId", "stepIds",
    "stepId", "to", "contactId", "variables", "source", "expiresAt", "ids", "deleteAll",
]  # fmt: skip
WORDS = {"subject": "x", "bodyHtml": "x"}
BODIES = st.one_of(VALUES, st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6))


@pytest.fixture(scope="module")
def doors(shared_api: Api) -> list[tuple[str, str]]:
    """Every call that takes a body, and a good body to spoil where most fields are needed."""
    domain_id, list_id = shared_api.new_domain("hostile.example.com"), shared_api.new_list("hostile")
    sender_id = shared_api.new_sender(domain_id, "hello@hostile.example.com")
    sequence_id = shared_api.new_active()
    step_id = shared_api.new_step(sequence_id)
    contact_id = shared_api.new_contact("hostile@example.org")
    template_id = shared_api.made("/api/templates", {"name": "x", **WORDS})["id"]
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
        ("PUT", f"/api/sequences/{sequence_id}"),
        ("PUT", f"/api/sequences/{sequence_id}/steps/{step_id}"),
        ("POST", f"/api/sequences/{sequence_id}/steps/reorder"),
        ("POST", f"/api/sequences/{sequence_id}/test-send"),
        ("POST", "/api/contacts/bulk"),
        ("POST", "/api/contacts/bulk-delete"),
        ("PUT", f"/api/contacts/{contact_id}"),
        ("POST", "/api/templates"),
        ("PUT", f"/api/templates/{template_id}"),
        ("POST", f"/api/templates/{template_id}/preview"),
        ("POST", "/api/suppressions"),
    ]


def _good(path: str) -> dict[str, Any]:
    name = path.rsplit("/", 1)[-1]
    return {
        "contacts": {"email": "a@b.co", "contactIds": []},
        "import": {"contacts": [{"email": "a@b.co"}]},
        "sequences": {"name": "x", "triggerType": "manual"},
        "steps": {"name": "x", **WORDS},
        "templates": {"name": "x", **WORDS},
        "bulk": {"contacts": [{"email": "a@b.co"}]},
        "suppressions": {"email": "a@b.co"},
        "lists": {"name": "x"},
    }.get(name, {})


@given(st.integers(0, 25), BODIES)
@settings(max_examples=150)
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
        "/api/templates/%00",
        "/api/messages/msg_%ff",
        "/api/messages?q=%00",
        "/api/messages?sequenceId=%00",
        "/api/messages?contactId=lst_1",
        "/api/messages?status=%ff",
        "/api/suppressions/check/%00",
        "/api/suppressions/check/%ff@x.org",
        "/api/suppressions?q='%20OR%201=1%20--",
        "/api/audit?who=%00",
        "/api/audit?about=%ed%a0%80",
        "/docs/%00",
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


INJECTIONS = [
    "'; DROP TABLE contact; --", "\" OR 1=1 --", "$now", "getvariable('x')", "%s {0} {{", "\u202e\u0000"[:1], "e\u0301",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_is_kept_as_the_text_it_is(api: Api, text: str) -> None:
    """SPEC 9, issue 5: stored verbatim, never run; or refused where it is no template, no name."""
    metadata = {text: text, "deep": [{text: [text]}]}
    contact_id = api.new_contact("ada@example.org", firstName=text, metadata=metadata)
    list_id = api.made("/api/lists", {"name": text, "description": text})["id"]
    draft = api.new_draft(name=text)
    suppressed = api.made("/api/suppressions", {"email": "bea@example.org", "source": text})

    kept = api.found(f"/api/contacts/{contact_id}")
    assert (kept["firstName"], kept["metadata"]) == (text, metadata)
    assert api.found(f"/api/lists/{list_id}")["name"] == api.found(f"/api/sequences/{draft}")["name"] == text
    assert suppressed["source"] == text
    for plural in ("contacts", "lists", "sequences", "templates", "messages", "suppressions"):
        assert api.client.get(f"/api/{plural}", params={"q": text}).status_code == 200
    template = {"name": text, "subject": text, "bodyHtml": text, "bodyText": text}
    answer = api.post("/api/templates", template)
    assert answer.status_code == (400 if "{{" in text else 201)
    assert answer.status_code == 400 or {name: answer.json()[name] for name in template} == template


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/templates", {"name": "x" * 1_000_000, **WORDS}),
        ("/api/suppressions", {"email": "x" * 1_000_000 + "@x.org"}),
        ("/api/suppressions", {"email": "a@b.co", "source": "\u0000"}),
        ("/api/suppressions", {"email": "a@b.co", "source": "\ud800"}),
        ("/api/templates", {"name": "x", "subject": "\ud800", "bodyHtml": "x"}),
        ("/api/templates", {"name": "x", "subject": "x", "bodyHtml": "a\u0000b"}),
        ("/api/contacts/bulk", {"contacts": [{"email": "a@b.co", "firstName": "\ud800"}]}),
    ],
)
def test_what_no_text_can_be_is_refused(api: Api, path: str, body: dict[str, Any]) -> None:
    """SPEC 9: NUL, lone surrogates, a megabyte of name: 400 naming the field, nothing written."""
    answer = api.client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})

    assert answer.status_code == 400, answer.text[:300]
    assert answer.json()["details"]
    assert api.found("/api/audit")["totalCount"] == 0


def test_megabyte_of_body_is_kept_verbatim(api: Api) -> None:
    """SPEC 9: a long text where long texts belong."""
    body = "<p>" + "x" * 1_000_000 + "</p>"

    made = api.made("/api/templates", {"name": "long", "subject": "x", "bodyHtml": body})

    assert api.found(f"/api/templates/{made['id']}")["bodyHtml"] == body
