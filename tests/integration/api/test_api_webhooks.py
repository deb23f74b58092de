"""Outgoing webhooks by call: endpoints, their secrets, and their deliveries (SPEC 8)."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.api.client import START, Api
from tests.integration.outgoing.receiver import Receiver, running_receiver
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.webhook_queue import queue_untold

URL = "https://hooks.example.com/xmit?team=growth"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def private(api: Api) -> Iterator[Api]:
    """An API that may post to this machine."""
    api.client.app.state.webhooks_private = True  # type: ignore[attr-defined]
    yield api
    api.client.app.state.webhooks_private = False  # type: ignore[attr-defined]


def new_webhook(api: Api, **fields: object) -> dict[str, Any]:
    return api.made("/api/webhooks", {"url": URL, "events": ["email.sent"], **fields})


def queue_exits(api: Api, count: int) -> None:
    """So many people who left a sequence, queued for every endpoint that wants to know."""
    sequence_id = api.new_active()
    ids = [api.new_contact(f"person{number}@example.org") for number in range(count)]
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": ids})
    for enrollment in api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]:
        api.made(f"/api/sequences/{sequence_id}/enrollments/{enrollment['id']}/exit")
    queue_untold(api.store, api.clock.now(), api.clock.now())


def test_a_webhook_is_made_read_changed_and_deleted(api: Api):
    made = new_webhook(api, events=["email.sent", "email.bounced", "email.sent"], description="CRM")
    path = f"/api/webhooks/{made['id']}"
    assert made["id"].startswith("whk_")
    assert made["events"] == ["email.bounced", "email.sent"]
    shown = api.found(path)
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    changes = {"events": ["enrollment.exited"], "enabled": False, "description": None}
    assert api.put(path, changes).json() == {"success": True}
    assert {name: api.found(path)[name] for name in changes} == changes
    assert api.found(path)["url"] == URL
    assert api.delete(path).json() == {"success": True}
    assert api.get(path).status_code == 404
    assert api.found("/api/webhooks")["totalCount"] == 0


def test_the_secret_is_shown_once_and_rotates(api: Api):
    made = new_webhook(api)
    path = f"/api/webhooks/{made['id']}"
    assert len(made["secret"]) > 40
    fresh = api.made(f"{path}/rotate")["secret"]
    assert fresh != made["secret"]
    for answer in (api.get(path), api.get("/api/webhooks"), api.get(f"{path}/deliveries")):
        assert fresh not in answer.text
        assert '"secret"' not in answer.text


def test_webhooks_page_in_order_of_making(api: Api):
    """Rows that share a timestamp are neither dropped nor repeated."""
    made = [new_webhook(api)["id"] for _ in range(5)]
    pages = [api.found(f"/api/webhooks?limit=2&offset={offset}")["webhooks"] for offset in (0, 2, 4)]
    assert [row["id"] for page in pages for row in page] == made


BAD: dict[str, dict[str, object]] = {
    "no url": {"url": None},
    "not http": {"url": "ftp://example.com/"},
    "no host": {"url": "https:///hooks"},
    "no scheme": {"url": "example.com/hooks"},
    "credentials": {"url": "https://me:pass@example.com/"},
    "fragment": {"url": "https://example.com/#there"},
    "spaces": {"url": "https://example.com/a b"},
    "line break": {"url": "https://example.com/\r\nX-Evil: 1"},
    "letters": {"url": "https://bücher.example/"},
    "port": {"url": "https://example.com:99999/"},
    "bracket": {"url": "https://[::1/"},
    "no events": {"events": []},
    "strange event": {"events": ["email.eaten"]},
    "ping": {"events": ["ping"]},
    "enabled": {"enabled": "yes"},
    "NUL": {"description": "a\0b"},
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_field(shared_api: Api, case: str):
    """SPEC 9: 400 naming the field, and nothing is written."""
    [field] = BAD[case]
    answer = shared_api.post("/api/webhooks", {"url": URL, "events": ["email.sent"], **BAD[case]})
    assert answer.status_code == 400
    assert {fault["field"].split(".")[0] for fault in answer.json()["details"]} == {field}
    assert shared_api.found("/api/webhooks")["webhooks"] == []


@pytest.mark.parametrize("call", ["GET ", "PUT ", "DELETE ", "POST /rotate", "POST /test", "GET /deliveries"])
def test_an_unknown_webhook_is_not_found(shared_api: Api, call: str):
    method, _, rest = call.partition(" ")
    for webhook_id in ("whk_01h455vb4pex5vsknk084sn02q", "con_01h455vb4pex5vsknk084sn02q", "x"):
        body = {} if method == "PUT" else None
        answer = shared_api.client.request(method, f"/api/webhooks/{webhook_id}{rest}", json=body)
        assert answer.status_code == 404


def test_a_ping_is_posted_signed_and_kept(private: Api, receiver: Receiver):
    made = new_webhook(private, url=receiver.url, enabled=False)
    ping = private.made(f"/api/webhooks/{made['id']}/test")
    assert (ping["type"], ping["status"], ping["attempts"], ping["lastStatusCode"]) == (
        "ping",
        "delivered",
        1,
        204,
    )
    [post] = receiver.posts
    digest = hmac.new(made["secret"].encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["X-Xmit-Signature"] == f"sha256={digest}"
    assert post.json["id"] == ping["id"]
    assert private.found(f"/api/webhooks/{made['id']}/deliveries")["deliveries"] == [ping]


def test_a_ping_that_fails_says_why(private: Api, receiver: Receiver):
    receiver.answer = lambda _: (418, {}, b"short and stout")
    made = new_webhook(private, url=receiver.url)
    ping = private.made(f"/api/webhooks/{made['id']}/test")
    assert (ping["status"], ping["lastStatusCode"], ping["lastWords"]) == ("failed", 418, "short and stout")
    assert ping["nextAttemptAt"] is None


def test_a_ping_to_this_machine_is_refused(api: Api, receiver: Receiver):
    """Unless XMIT_WEBHOOKS_PRIVATE=allow, nobody looks into our network by way of a webhook."""
    made = new_webhook(api, url=receiver.url)
    ping = api.made(f"/api/webhooks/{made['id']}/test")
    assert (ping["status"], receiver.posts) == ("failed", [])
    assert "not on the public internet" in ping["lastWords"]


def test_the_setting_for_private_networks_is_read(tmp_path: Any):
    given = {"XMIT_HOME": str(tmp_path), "XMIT_WEBHOOKS_PRIVATE": "allow"}
    assert read_settings(given).webhooks_private
    assert not read_settings({"XMIT_HOME": str(tmp_path)}).webhooks_private


def test_deliveries_page_by_status_without_loss(api: Api):
    made = new_webhook(api, events=["enrollment.exited"])
    queue_exits(api, 5)
    path = f"/api/webhooks/{made['id']}/deliveries"
    whole = api.found(path)
    assert whole["totalCount"] == 5
    pages = [api.found(f"{path}?status=waiting&limit=2&offset={n}")["deliveries"] for n in (0, 2, 4)]
    assert [row for page in pages for row in page] == whole["deliveries"]
    first = whole["deliveries"][0]
    assert (first["type"], first["status"], first["attempts"]) == ("enrollment.exited", "waiting", 0)
    assert first["enrollmentId"].startswith("enr_")
    assert api.found(f"{path}?status=failed")["totalCount"] == 0


def test_retry_gives_a_failed_delivery_its_tries_again(api: Api):
    made = new_webhook(api, events=["enrollment.exited"])
    queue_exits(api, 1)
    path = f"/api/webhooks/{made['id']}/deliveries"
    with api.store.transaction() as connection:
        connection.execute(
            "UPDATE webhook_delivery SET state = 'failed', attempts = 8, tries_left = 0, next_attempt_at = NULL"
        )
    [failed] = api.found(path)["deliveries"]
    api.clock.moment = START + timedelta(days=2)
    again = api.made(f"{path}/{failed['id']}/retry")
    assert (again["status"], again["attempts"]) == ("waiting", 8)
    assert again["nextAttemptAt"] == "2026-03-04T09:30:20Z"
    assert api.post(f"{path}/whd_01h455vb4pex5vsknk084sn02q/retry").status_code == 404


def test_retry_at_a_disabled_webhook_is_a_conflict(api: Api):
    made = new_webhook(api, events=["enrollment.exited"])
    queue_exits(api, 1)
    path = f"/api/webhooks/{made['id']}"
    api.put(path, {"enabled": False})
    [row] = api.found(f"{path}/deliveries")["deliveries"]
    assert api.post(f"{path}/deliveries/{row['id']}/retry").status_code == 409


def test_another_webhooks_delivery_is_not_found(api: Api):
    one, other = (new_webhook(api, events=["enrollment.exited"])["id"] for _ in range(2))
    queue_exits(api, 1)
    [row] = api.found(f"/api/webhooks/{one}/deliveries")["deliveries"]
    assert api.post(f"/api/webhooks/{other}/deliveries/{row['id']}/retry").status_code == 404


def test_deleting_a_webhook_forgets_its_deliveries(api: Api):
    """Other people's addresses don't stay behind for nobody."""
    made = new_webhook(api, events=["enrollment.exited"])
    queue_exits(api, 2)
    api.delete(f"/api/webhooks/{made['id']}")
    with api.store.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM webhook_delivery").fetchone() == (0,)
