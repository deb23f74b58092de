"""Templates, previews and messages (SPEC 1, 5, 8)."""

from typing import Any

import pytest

from tests.integration.api.client import START, Api

WORDS = {"subject": "Hello {{ firstName }}", "bodyHtml": "<p>{{ companyName }}</p>"}


def test_template_is_kept_changed_and_gone(api: Api) -> None:
    """SPEC 8: CRUD."""
    made = api.made("/api/templates", {"name": "Plain", **WORDS})
    here = f"/api/templates/{made['id']}"
    assert api.found(here) == made
    assert [row["id"] for row in api.found("/api/templates?q=HELLO")["templates"]] == [made["id"]]

    assert api.put(here, {"name": "Other", "bodyText": "Hi"}).json() == {"success": True}
    changed = api.found(here)
    assert api.delete(here).json() == {"success": True}

    assert changed == {**made, "name": "Other", "bodyText": "Hi"}
    assert (api.get(here).status_code, api.delete(here).status_code) == (404, 404)


@pytest.mark.parametrize("change", [{"subject": "{{"}, {"bodyHtml": " "}, {"bodyText": "{% for %}"}])
def test_template_takes_only_liquid_that_parses(api: Api, change: dict[str, str]) -> None:
    """SPEC 5, 9: 400 naming the field, also on a change."""
    made = api.made("/api/templates", {"name": "Plain", **WORDS})

    answers = [
        api.post("/api/templates", {"name": "x", **WORDS, **change}),
        api.put(f"/api/templates/{made['id']}", change),
    ]

    (field,) = change
    assert [(each.status_code, each.json()["details"][0]["field"]) for each in answers] == [(400, field)] * 2


def test_step_copies_its_template(api: Api) -> None:
    """SPEC 1: copied on use; a later change of the template reaches no step."""
    template_id = api.made("/api/templates", {"name": "Plain", **WORDS, "bodyText": "Plain"})["id"]
    here = f"/api/sequences/{api.new_draft()}/steps"

    whole = api.made(here, {"name": "a", "templateId": template_id})
    partly = api.made(here, {"name": "b", "templateId": template_id, "bodyHtml": "<p>Mine</p>"})
    api.put(f"/api/templates/{template_id}", {"subject": "New"})

    shown = api.found(f"{here}/{whole['id']}")
    assert (shown["subject"], shown["bodyHtml"], shown["bodyText"]) == (*WORDS.values(), "Plain")
    assert (partly["subject"], partly["bodyHtml"], partly["bodyText"]) == (
        WORDS["subject"],
        "<p>Mine</p>",
        None,
    )
    missing = api.post(here, {"name": "c"})
    assert [fault["field"] for fault in missing.json()["details"]] == ["subject", "bodyHtml"]


def test_preview_shows_what_this_person_gets(api: Api) -> None:
    """SPEC 5, 8: subject, html, text, for a chosen contact; the link is inert."""
    sequence_id = api.new_draft()
    api.new_step(sequence_id)
    step_id = api.new_step(sequence_id, **WORDS)
    ada = api.new_contact(firstName="Ada", metadata={"companyName": "A & B"})

    shown = api.found(f"/api/sequences/{sequence_id}/preview?stepId={step_id}&contactId={ada}")
    anybody = api.found(f"/api/sequences/{sequence_id}/preview")

    assert shown["subject"] == "Hello Ada"
    assert "<p>A &amp; B</p>" in shown["html"]
    assert "A & B" in shown["text"]
    assert "/u/test" in shown["html"]
    assert anybody["subject"] == "Hello Ada"


def test_preview_says_what_fails(api: Api) -> None:
    """SPEC 5: what would be skipped for this person is a 400 with the renderer's words."""
    sequence_id = api.new_draft()
    step_id = api.new_step(sequence_id, subject="{{ nothing }}")

    blank = api.get(f"/api/sequences/{sequence_id}/preview?stepId={step_id}")

    assert (blank.status_code, "blank" in blank.json()["error"]) == (400, True)
    for query in (f"stepId=stp_{'0' * 26}", f"contactId=con_{'0' * 26}"):
        assert api.get(f"/api/sequences/{sequence_id}/preview?{query}").status_code == 404
    assert api.get(f"/api/sequences/{api.new_draft()}/preview").status_code == 404


def test_template_preview_takes_values(api: Api) -> None:
    """Research 1.6: `variables`; they win over the contact's own."""
    template_id = api.made("/api/templates", {"name": "Plain", **WORDS})["id"]
    ada = api.new_contact(firstName="Ada", metadata={"companyName": "Engines"})
    here = f"/api/templates/{template_id}/preview"

    given = {"contactId": ada, "variables": {"firstName": "Grace", "companyName": "<Navy>"}}

    assert api.made(here)["subject"] == "Hello Ada"
    assert "<p>Engines</p>" in api.made(here, {"contactId": ada})["html"]
    assert api.made(here, given)["subject"] == "Hello Grace"
    assert "<p>&lt;Navy&gt;</p>" in api.made(here, given)["html"]


@pytest.fixture
def messages(api: Api) -> dict[str, Any]:
    """Two people whose turn had come when they left, one of them with events."""
    sequence_id = api.new_active()
    people = [api.new_contact(f"{name}@example.org") for name in ("ada", "grace")]
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": people})
    for contact_id in people:
        api.made(f"/api/contacts/{contact_id}/unsubscribe")
    with api.store.transaction() as connection:
        connection.execute(
            "INSERT INTO event (sg_event_id, kind, message_id, email, happened_at, folded_at, raw) "
            "SELECT kind, kind, id, email, $now, $now, '{\"event\": \"' || kind || '\"}' "
            "FROM message, (VALUES ('delivered'), ('open')) AS told(kind) WHERE email = 'ada@example.org'",
            {"now": START},
        )
    return {"sequence": sequence_id, "ada": people[0], "grace": people[1]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2), ("status=skipped", 2), ("status=sent", 0), ("sequenceId={sequence}", 2), ("contactId={ada}", 1),
        ("q=GRACE", 1), ("q=hello", 2), ("q=nobody", 0), ("contactId={grace}&q=ada", 0),
    ],
)  # fmt: skip
def test_messages_are_found_by_each_filter(
    api: Api, messages: dict[str, Any], query: str, found: int
) -> None:
    """SPEC 8: status, sequenceId, contactId, q."""
    page = api.found(f"/api/messages?{query.format(**messages)}")

    assert (page["totalCount"], len(page["messages"])) == (found, found)


def test_message_says_why_and_brings_its_events(api: Api, messages: dict[str, Any]) -> None:
    """SPEC 8: GET one has its events; the list where they are asked for."""
    (listed,) = api.found(f"/api/messages?contactId={messages['ada']}")["messages"]
    (full,) = api.found(f"/api/messages?contactId={messages['ada']}&includeEvents=true")["messages"]
    one = api.found(f"/api/messages/{listed['id']}")

    assert (listed["status"], listed["reason"], listed["email"]) == ("skipped", "inactive", "ada@example.org")
    assert (listed["sequenceName"], listed["stepName"], listed["events"]) == ("Welcome", "Hello", None)
    assert one == full
    assert {(event["kind"], event["data"]["event"]) for event in one["events"]} == {
        ("delivered", "delivered"),
        ("open", "open"),
    }
    assert api.get(f"/api/messages/msg_{'0' * 26}").status_code == 404
    assert api.get("/api/messages?includeEvents=yes").status_code == 400
