"""The one form of every refusal (SPEC 8, 9)."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.integration.api.client import Api, TestClient
from xmit_pipeline.api.app import create_app
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.connection import EmbeddedStore

JSON = {"Content-Type": "application/json"}


def _chunks(count: int) -> Iterator[bytes]:
    yield from (b" " * 1_000_000 for _ in range(count))


def _is_refusal(answer: dict[str, object]) -> bool:
    faults = answer["details"]
    return (
        set(answer) == {"error", "message", "details"}
        and answer["error"] == answer["message"] != ""
        and isinstance(faults, list)
        and all(set(fault) == {"field", "message"} for fault in faults)
    )


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("POST", "/api/lists", b"{", JSON, 400),
        ("POST", "/api/lists", b"[]", JSON, 400),
        ("POST", "/api/lists", b"null", JSON, 400),
        ("POST", "/api/lists", b"", JSON, 400),
        ("POST", "/api/lists", b"\xff\xfe", JSON, 400),
        ("POST", "/api/lists", b"[" * 100_000, JSON, 400),
        ("POST", "/api/lists", b'{"name":' + b"9" * 5000 + b"}", JSON, 400),
        ("POST", "/api/lists", b'{"name": "x"}', {"Content-Type": "text/plain"}, 415),
        ("POST", "/api/lists", b'{"name": "x"}', {**JSON, "Content-Encoding": "gzip"}, 415),
        ("POST", "/api/lists", b" " * 10_000_001, JSON, 413),
        ("GET", "/api/nothing", b"", {}, 404),
        ("GET", "/nothing", b"", {}, 404),
        ("GET", "/api/lists/lst_nothing", b"", {}, 404),
        ("PATCH", "/api/lists", b"", {}, 405),
        ("GET", "/api/lists?limit=1001", b"", {}, 400),
        ("GET", "/api/lists?limit=0", b"", {}, 400),
        ("GET", "/api/lists?offset=-1", b"", {}, 400),
        ("GET", "/api/lists?offset=" + "9" * 40, b"", {}, 400),
        ("GET", "/api/sequences?status=gone", b"", {}, 400),
    ],
)
def test_refusals_all_have_one_form(
    shared_api: Api, method: str, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    """SPEC 8: error, message, details."""
    answer = shared_api.client.request(method, path, content=content, headers=headers)

    assert answer.status_code == status
    assert _is_refusal(answer.json())


@pytest.mark.parametrize(("chunks", "status"), [(10, 400), (11, 413)])
def test_chunked_body_is_measured_too(shared_api: Api, chunks: int, status: int) -> None:
    """SPEC 9: over 10 MB is 413, also where no length is declared."""
    answer = shared_api.client.post("/api/lists", content=_chunks(chunks), headers=JSON)

    assert answer.status_code == status


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.api+json"])
def test_json_by_another_name_is_taken(shared_api: Api, kind: str) -> None:
    """415 is for what is not JSON."""
    answer = shared_api.client.post(
        "/api/lists", content=f'{{"name": "{kind}"}}', headers={"Content-Type": kind}
    )

    assert answer.status_code == 201


def test_missing_content_type_counts_as_json(shared_api: Api) -> None:
    """A hand-written client is not sent away for a header."""
    request = shared_api.client.build_request("POST", "/api/lists", content=b'{"name": "plain"}')
    request.headers.pop("Content-Type", None)

    assert shared_api.client.send(request).status_code == 201


def test_wrong_method_names_the_right_ones(shared_api: Api) -> None:
    """All methods of an address, not those of one route."""
    answer = shared_api.client.patch("/api/senders/snd_x")

    assert answer.headers["allow"] == "DELETE, PUT"
    assert "DELETE, PUT" in answer.json()["error"]
    assert shared_api.client.patch("/v1/contacts/import").headers["allow"] == "POST"
    assert shared_api.client.patch("/api/sequences/seq_x/steps/reorder").headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/api/lists", {}, ["name"]),
        ("/api/lists", {"name": " \t"}, ["name"]),
        ("/api/lists", {"name": 7}, ["name"]),
        ("/api/lists", {"name": "x" * 201}, ["name"]),
        ("/api/lists", {"name": "two\nlines"}, ["name"]),
        ("/api/domains", {"name": "no domain"}, ["name"]),
        ("/api/domains", {"name": "example.com", "verified": "yes"}, ["verified"]),
        ("/api/contacts", {"email": "nobody"}, ["email"]),
        ("/api/contacts", {"email": "a@b.co", "metadata": []}, ["metadata"]),
        ("/api/contacts", {"email": "a@b.co", "metadata": None}, ["metadata"]),
        ("/api/contacts", {"email": "a@b.co", "metadata": {"n": 2**64}}, ["metadata"]),
        ("/api/contacts", {"email": "a@b.co", "metadata": {"n": ["\x00"]}}, ["metadata"]),
        ("/api/contacts", {"email": "a@b.co", "metadata": {"\x00": 1}}, ["metadata"]),
        ("/api/contacts", {"email": "a@b.co", "firstName": 1, "lastName": 2}, ["firstName", "lastName"]),
        ("/api/contacts", {"email": "a@b.co", "listId": 3}, ["listId"]),
        ("/api/sequences", {"name": "x", "triggerType": "birthday"}, ["triggerType"]),
        ("/api/sequences", {"name": "x", "triggerType": "list_add"}, ["triggerListId"]),
        ("/api/sequences", {"name": "x", "triggerType": "manual", "enrollExisting": 1}, ["enrollExisting"]),
        ("/api/sequences", {"name": "x", "triggerType": "manual", "priority": 2**40}, ["priority"]),
        ("/api/contacts/import", {"contacts": [{}] * 10_001}, ["contacts"]),
    ],
)
def test_bad_input_names_its_field(shared_api: Api, path: str, body: object, fields: list[str]) -> None:
    """SPEC 9: 400 naming the field."""
    answer = shared_api.post(path, body)

    assert answer.status_code == 400, answer.text
    assert [fault["field"] for fault in answer.json()["details"]] == fields


def test_foreign_store_is_a_sentence(tmp_path: Path) -> None:
    """SPEC 9: a file that is not ours is refused with a sentence."""
    duckdb.connect(str(tmp_path / "theirs.duckdb")).execute("CREATE TABLE theirs (x INTEGER)").close()
    settings = read_settings({"XMIT_HOME": str(tmp_path), "XMIT_DATABASE": str(tmp_path / "theirs.duckdb")})
    client = TestClient(create_app(EmbeddedStore(settings.database), settings))

    answer = client.get("/api/lists", headers={"Authorization": "Bearer pm_live_any"})

    assert (answer.status_code, _is_refusal(answer.json())) == (503, True)
    assert "not an xmit store" in answer.json()["error"]
