"""Whatever stands in an address, a GET answers a page or a refusal, never a breakdown (SPEC 9)."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.api.client import Api

NASTY = [
    "%00", "%ed%a0%80", "%ff", "-1", "1e400", "NaN", "9" * 400, "x" * 5000, "'%20OR%201=1--", "con_", "", "0001-01-01",
    "0001-01-01T00:00:00%2B12:00", "9999-12-31T23:59:59-12:00",
]  # fmt: skip
FOREIGN = "con_" + "0" * 26


@pytest.fixture(scope="module")
def ids(shared_api: Api) -> dict[str, str]:
    """One thing of each kind that an address can name."""
    sequence_id = shared_api.new_active()
    domains = shared_api.found("/api/domains")["domains"]
    template = {"name": "x", "subject": "x", "bodyHtml": "x"}
    webhook = {"url": "https://hooks.example/x", "events": ["email.sent"]}
    return {
        "sequence_id": sequence_id,
        "step_id": shared_api.new_step(sequence_id),
        "contact_id": shared_api.new_contact(),
        "list_id": shared_api.new_list(),
        "domain_id": domains[0]["id"],
        "template_id": shared_api.made("/api/templates", template)["id"],
        "webhook_id": shared_api.made("/api/webhooks", webhook)["id"],
        "email": "ada@example.org",
    }


def gets(api: Api) -> dict[str, list[dict[str, Any]]]:
    """Every call that only reads, by its path, with its parameters."""
    paths = api.found("/openapi.json")["paths"]
    return {path: calls["get"].get("parameters", []) for path, calls in paths.items() if "get" in calls}


def filled(path: str, ids: dict[str, str]) -> str:
    """A path with its ids; of a kind that nothing is of, one of another kind."""
    return re.sub(r"{(\w+)}", lambda found: ids.get(found[1], FOREIGN), path)


@pytest.mark.parametrize("value", NASTY)
def test_no_query_breaks_a_reading_call(shared_api: Api, ids: dict[str, str], value: str) -> None:
    """SPEC 9: each parameter of each GET; what is refused is refused in a sentence."""
    for path, parameters in gets(shared_api).items():
        here = filled(path, ids)
        for name in [each["name"] for each in parameters if each["in"] == "query"]:
            answer = shared_api.get(f"{here}?{name}={value}")
            assert answer.status_code in (200, 400, 404), (here, name)
            assert answer.status_code == 200 or answer.json()["error"], (here, name)


@pytest.mark.parametrize("value", NASTY)
def test_no_id_breaks_a_reading_call(shared_api: Api, ids: dict[str, str], value: str) -> None:
    """SPEC 9: 404 for what can't be an id, wherever it stands in the address."""
    for path in gets(shared_api):
        for spoilt in re.findall(r"{(\w+)}", path):
            here = filled(path, {**ids, spoilt: value})
            assert shared_api.get(here).status_code in (200, 400, 404), here


@pytest.mark.parametrize("name", ["limit", "offset", "q", "status"])
def test_a_parameter_given_twice_breaks_nothing(shared_api: Api, name: str) -> None:
    for path in ("/api/contacts", "/api/sequences", "/api/messages"):
        assert shared_api.get(f"{path}?{name}=1&{name}=2").status_code in (200, 400), path


def test_a_query_of_unicode_finds_what_holds_it(shared_api: Api) -> None:
    shared_api.new_list("Caf\u00e9 \U0001f984 %_")

    for text in ("\u00e9", "\U0001f984", "%_"):
        assert shared_api.found(f"/api/lists?q={quote(text)}")["totalCount"] == 1
