"""What the API says about itself agrees with what it does."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from tests.integration.api.client import Api

CALLS = {
    "/api/domains": "get post",
    "/api/domains/{domain_id}": "get",
    "/api/domains/{domain_id}/verify": "post",
    "/api/domains/{domain_id}/warmup": "get put",
    "/api/domains/{domain_id}/warmup/pause": "post",
    "/api/domains/{domain_id}/warmup/resume": "post",
    "/api/senders": "get post",
    "/api/senders/{sender_id}": "put delete",
    "/api/senders/{sender_id}/default": "put",
    "/api/senders/{sender_id}/release": "post",
    "/api/lists": "get post",
    "/api/lists/{list_id}": "get put delete",
    "/api/lists/{list_id}/contacts": "post delete",
    "/api/contacts": "get post",
    "/api/contacts/{contact_id}": "get put delete",
    "/api/contacts/{contact_id}/unsubscribe": "post",
    "/api/contacts/bulk": "post",
    "/api/contacts/bulk-delete": "post",
    "/api/contacts/import": "post",
    "/api/sequences": "get post",
    "/api/sequences/{sequence_id}": "get put delete",
    "/api/sequences/{sequence_id}/preview": "get",
    "/api/sequences/{sequence_id}/test-send": "post",
    "/api/sequences/{sequence_id}/stats": "get",
    "/api/sequences/{sequence_id}/forecast": "get",
    "/api/sequences/{sequence_id}/activate": "post",
    "/api/sequences/{sequence_id}/pause": "post",
    "/api/sequences/{sequence_id}/resume": "post",
    "/api/sequences/{sequence_id}/archive": "post",
    "/api/sequences/{sequence_id}/enroll": "post",
    "/api/sequences/{sequence_id}/enrollments": "get",
    "/api/sequences/{sequence_id}/enrollments/{enrollment_id}/exit": "post",
    "/api/sequences/{sequence_id}/enrollments/{enrollment_id}/explain": "get",
    "/api/sequences/{sequence_id}/steps": "get post",
    "/api/sequences/{sequence_id}/steps/reorder": "post",
    "/api/sequences/{sequence_id}/steps/{step_id}": "get put delete",
    "/api/sequences/{sequence_id}/steps/{step_id}/release": "post",
    "/api/templates": "get post",
    "/api/templates/{template_id}": "get put delete",
    "/api/templates/{template_id}/preview": "post",
    "/api/suppressions": "get post",
    "/api/suppressions/check/{email}": "get",
    "/api/suppressions/{id_or_email}": "delete",
    "/api/messages": "get",
    "/api/messages/{message_id}": "get",
    "/api/audit": "get",
    "/api/webhooks": "get post",
    "/api/webhooks/{webhook_id}": "get put delete",
    "/api/webhooks/{webhook_id}/rotate": "post",
    "/api/webhooks/{webhook_id}/test": "post",
    "/api/webhooks/{webhook_id}/deliveries": "get",
    "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": "post",
}


READING = {"400", "401", "404", "409", "429", "503"}
CHANGING = {"403", "413", "415"}


@pytest.fixture
def reference(shared_api: Api) -> dict[str, Any]:
    return shared_api.found("/openapi.json")


def test_reference_lists_every_call(reference: dict[str, Any]) -> None:
    """A call that appears or goes changes this table."""
    assert {path: set(calls) for path, calls in reference["paths"].items()} == {
        path: set(calls.split()) for path, calls in CALLS.items()
    }


def test_every_call_is_described_and_guarded(reference: dict[str, Any]) -> None:
    """Each says what it does, asks for the key, and names every status with the form of its errors."""
    for calls in reference["paths"].values():
        for method, call in calls.items():
            assert call["description"]
            assert call["security"]
            refusals = {status: answer for status, answer in call["responses"].items() if status[0] in "45"}
            assert set(refusals) == (READING if method == "get" else READING | CHANGING)
            for answer in refusals.values():
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_every_field_is_explained_by_example(reference: dict[str, Any]) -> None:
    """Issue 5, 1: descriptions and examples; who adds a field adds its word to api/words.py."""
    for name, schema in reference["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            assert part.get("description"), f"{name}.{field} has no description"
            assert part.get("examples"), f"{name}.{field} has no example"


def test_every_example_is_one_of_its_kind(reference: dict[str, Any]) -> None:
    """What the reference shows is what the schemas allow: bodies, answers and parameters."""
    for path, calls in reference["paths"].items():
        for method, call in calls.items():
            for where in (call.get("requestBody", {}), *call["responses"].values()):
                for media in where.get("content", {}).values():
                    schema = {**media["schema"], "components": reference["components"]}
                    assert jsonschema_rs.validator_for(schema).is_valid(media["example"]), (method, path)
            for parameter in call.get("parameters", ()):
                assert parameter["description"], (method, path)
                assert parameter["schema"]["examples"], (method, path)


def test_what_a_call_makes_leads_on(reference: dict[str, Any]) -> None:
    """Links from a create to the calls about what it made, which exist."""
    links = reference["paths"]["/api/sequences/{sequence_id}/steps"]["post"]["responses"]["201"]["links"]

    known = {call["operationId"] for calls in reference["paths"].values() for call in calls.values()}
    assert set(links) == {"get_step", "update_step", "delete_step", "release_step"} <= known
    assert links["get_step"]["parameters"] == {
        "sequence_id": "$request.path.sequence_id",
        "step_id": "$response.body#/id",
    }


def test_reference_page_needs_nobody_else(shared_api: Api) -> None:
    """Issue 5, 1: `/docs` without CDN or script, under a strict policy; every call is on it."""
    page = shared_api.client.get("/docs", headers={"Authorization": ""})
    style = shared_api.client.get("/docs/reference.css", headers={"Authorization": ""})

    assert (page.status_code, style.status_code, style.headers["content-type"]) == (
        200, 200, "text/css; charset=utf-8",
    )  # fmt: skip
    assert "default-src 'none'; style-src 'self'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert re.findall(r'(?:src|href)="(?!/docs/reference\.css|/openapi\.json|#)[^"]*', page.text) == []
    for call in (
        call for calls in shared_api.found("/openapi.json")["paths"].values() for call in calls.values()
    ):
        assert f'<article id="{call["operationId"]}">' in page.text


def test_reference_needs_no_foreign_host(reference: dict[str, Any]) -> None:
    """All that is linked to is in it; FastAPI's own validation form is nowhere."""
    text = json.dumps(reference)

    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named <= set(reference["components"]["schemas"])
    assert "HTTPValidationError" not in text


@pytest.mark.parametrize(
    "path",
    ["", "/stats", "/enrollments", "/steps"],
)
def test_answers_have_the_promised_shape(api: Api, path: str) -> None:
    """The reference's own schemas accept what is answered."""
    sequence_id = api.new_active()
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})
    reference = api.found("/openapi.json")
    call = reference["paths"][f"/api/sequences/{{sequence_id}}{path}"]["get"]
    schema = call["responses"]["200"]["content"]["application/json"]["schema"]

    answer = api.found(f"/api/sequences/{sequence_id}{path}")

    jsonschema_rs.validator_for({**schema, "components": reference["components"]}).validate(answer)
