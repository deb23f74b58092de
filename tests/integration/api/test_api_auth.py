"""Who may call (SPEC 8, 9)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.api.client import START, Api, opened_api
from xmit_pipeline.store import keys
from xmit_pipeline.store.key_stamp import note_key_change


@pytest.fixture
def new_api(tmp_path: Path) -> Iterator[Api]:
    """An API whose key nobody has used yet."""
    with opened_api(tmp_path) as opened:
        yield opened


def _with(authorization: str) -> dict[str, bytes]:
    return {"Authorization": authorization.encode("latin-1")}


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer ",
        "Bearer pm_live_00000000000000000000000000000000",
        "Bearer pm_live_\u00e9",
        "Basic cG1fbGl2ZTp4",
        "pm_live_00000000000000000000000000000000",
    ],
)
def test_every_bad_key_is_answered_alike(shared_api: Api, authorization: str) -> None:
    """SPEC 9: no key, wrong key: 401 with the same body."""
    wrong = shared_api.client.get("/api/lists", headers=_with("Bearer pm_live_wrong"))

    answer = shared_api.client.get("/api/lists", headers=_with(authorization))

    assert (answer.status_code, answer.content) == (401, wrong.content)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_revoked_key_stops_with_the_next_call(new_api: Api) -> None:
    """SPEC 9: a revoked key is answered like a wrong one."""
    assert new_api.get("/api/lists").status_code == 200

    with new_api.store.transaction() as connection:
        keys.revoke_key(connection, "tests", START)
    note_key_change(new_api.store.path)

    wrong = new_api.client.get("/api/lists", headers=_with("Bearer pm_live_wrong"))
    assert (new_api.get("/api/lists").status_code, new_api.get("/api/lists").content) == (401, wrong.content)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/v1/lists", "/v1"])
def test_nothing_below_the_prefix_is_open(shared_api: Api, path: str) -> None:
    """SPEC 8: also an address that does not exist asks for the key first."""
    assert shared_api.client.get(path, headers=_with("")).status_code == 401


@pytest.mark.parametrize("body", [b"{", b"x" * 10_000_001])
def test_key_is_looked_at_before_the_body(shared_api: Api, body: bytes) -> None:
    """SPEC 9: who has no key learns nothing about what was sent."""
    answer = shared_api.client.post("/api/lists", content=body, headers=_with(""))

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
def test_front_pages_need_no_key(shared_api: Api, path: str) -> None:
    """`xmit up` and monitors ask without one."""
    assert shared_api.client.get(path, headers=_with("")).status_code == 200


def test_last_use_is_written_once_a_minute(new_api: Api) -> None:
    """A busy key costs one write a minute, not one a call."""
    new_api.get("/api/lists")
    new_api.clock.moment = START + timedelta(seconds=5)
    new_api.get("/api/lists")

    with new_api.store.snapshot() as connection:
        used = [row["last_used_at"] for row in keys.keys(connection)]

    assert used == [START]
