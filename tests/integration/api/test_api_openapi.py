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
    "/api/contacts/{contact_id}": "get",
    "/api/contacts/import": "post",
    "/api/sequences": "get post",
    "/api/sequences/{sequence_id}": "get",
    "/api/sequences/{sequence_id}/stats": "get",
    "/api/sequences/{sequence_id}/activate": "post",
    "/api/sequences/{sequence_id}/pause": "post",
    "/api/sequences/{sequence_id}/resume": "post",
    "/api/sequences/{sequence_id}/archive": "post",
    "/api/sequences/{sequence_id}/enroll": "post",
    "/api/sequences/{sequence_id}/enrollments": "get",
    "/api/sequences/{sequence_id}/enrollments/{enrollment_id}/exit": "post",
    "/api/sequences/{sequence_id}/steps": "get post",
    "/api/sequences/{sequence_id}/steps/{step_id}": "get",
    "/api/sequences/{sequence_id}/steps/{step_id}/release": "post",
}


@pytest.fixture
def reference(shared_api: Api) -> dict[str, Any]:
    return shared_api.found("/openapi.json")


def test_reference_lists_every_call(reference: dict[str, Any]) -> None:
    """A call that appears or goes changes this table."""
    assert {path: set(calls) for path, calls in reference["paths"].items()} == {
        path: set(calls.split()) for path, calls in CALLS.items()
    }


def test_every_call_is_described_and_guarded(reference: dict[str, Any]) -> None:
    """Each says what it does, asks for the key, and names the form of its errors."""
    for calls in reference["paths"].values():
        for call in calls.values():
            assert call["description"]
            assert call["security"]
            assert call["responses"]["4XX"]["content"]["application/json"]["schema"] == {
                "$ref": "#/components/schemas/ErrorAnswer"
            }


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
