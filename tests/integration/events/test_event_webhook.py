"""`POST /webhooks/sendgrid`: verified, on disk, answered; and nothing written for strangers (SPEC 7)."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.integration.api.client import START, Api, opened_api
from xmit_pipeline.sandbox.webhook_key import WebhookKey
from xmit_pipeline.store.event_files import waiting_bodies

EVENTS = b'[{"event":"open","email":"ada@example.org"}]\r\n'


@dataclass
class Webhook:
    """An API whose home knows the public half of a key pair."""

    api: Api
    home: Path
    key: WebhookKey

    def post(self, body: bytes, *, age: timedelta = timedelta(), **headers: str) -> httpx.Response:
        """A body signed so long ago; a header given replaces ours."""
        timestamp = str(int((START - age).timestamp()))
        return self.api.client.post(
            "/webhooks/sendgrid",
            content=body,
            headers={
                "X-Twilio-Email-Event-Webhook-Signature": self.key.signature(timestamp, body),
                "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
                "Content-Type": "application/json",
                **headers,
            },
        )

    def kept(self) -> list[bytes]:
        return [path.read_bytes() for path in waiting_bodies(self.home)]


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    key = WebhookKey()
    home = tmp_path / "api"
    home.mkdir()
    (home / "sendgrid_webhook_public_key").write_text(key.public)
    with opened_api(home) as api:
        yield Webhook(api, home, key)


def test_signed_body_is_kept_byte_for_byte(webhook: Webhook):
    """SPEC 7: raw body verified, written durably, then 200."""
    assert webhook.post(EVENTS).status_code == 200
    assert webhook.kept() == [EVENTS]


def test_store_is_not_needed_to_take_events(webhook: Webhook):
    with webhook.api.store.transaction():
        assert webhook.post(EVENTS).status_code == 200


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(hours=47, minutes=59), 200),
        (timedelta(hours=48, minutes=1), 403),
        (timedelta(minutes=-4), 200),
        (timedelta(minutes=-6), 403),
    ],
)
def test_replay_window_is_two_days(webhook: Webhook, age: timedelta, status: int):
    """SPEC 7: refused when over 48 h old or 5 min ahead."""
    assert webhook.post(EVENTS, age=age).status_code == status
    assert len(webhook.kept()) == (status == 200)


@pytest.mark.parametrize(
    "headers",
    [
        {
            "X-Twilio-Email-Event-Webhook-Signature": WebhookKey().signature(
                str(int(START.timestamp())), EVENTS
            )
        },
        {"X-Twilio-Email-Event-Webhook-Signature": ""},
        {"X-Twilio-Email-Event-Webhook-Signature": "no base64!"},
        {"X-Twilio-Email-Event-Webhook-Timestamp": str(int(START.timestamp()) + 1)},
        {"X-Twilio-Email-Event-Webhook-Timestamp": ""},
        {"X-Twilio-Email-Event-Webhook-Timestamp": "soon"},
        {"X-Twilio-Email-Event-Webhook-Timestamp": "9" * 40},
        {"Content-Encoding": "gzip"},
    ],
)
def test_forged_body_is_refused_and_not_written(webhook: Webhook, headers: dict[str, str]):
    """SPEC 7: 403, nothing written. The last case is signed, but not what its header says."""
    assert webhook.post(EVENTS, **headers).status_code in (403, 415)
    assert webhook.kept() == []


def test_no_key_refuses_everything(tmp_path: Path):
    """SPEC 7: with no key set 403."""
    key = WebhookKey()
    with opened_api(tmp_path / "keyless") as api:
        answer = Webhook(api, tmp_path / "keyless", key).post(EVENTS)
        assert (answer.status_code, "setup-sendgrid" in answer.json()["error"]) == (403, True)


@pytest.mark.parametrize("signed", ["packed", "plain"])
def test_gzip_bodies_are_unpacked(webhook: Webhook, signed: str):
    packed = gzip.compress(EVENTS)
    timestamp = str(int(START.timestamp()))
    signature = webhook.key.signature(timestamp, packed if signed == "packed" else EVENTS)
    answer = webhook.post(
        packed, **{"Content-Encoding": "gzip", "X-Twilio-Email-Event-Webhook-Signature": signature}
    )
    assert (answer.status_code, webhook.kept()) == (200, [EVENTS])


def test_every_gzip_member_is_kept(webhook: Webhook):
    """RFC 1952: a packed body may be several members; what is answered with 200 is kept whole."""
    packed = gzip.compress(EVENTS[:9]) + gzip.compress(b"") + gzip.compress(EVENTS[9:]) + b"\0\0"
    assert webhook.post(packed, **{"Content-Encoding": "gzip"}).status_code == 200
    assert webhook.kept() == [EVENTS]
    for cut in (packed[:-9], packed + b"more"):
        assert webhook.post(cut, **{"Content-Encoding": "gzip"}).status_code == 415


def test_gzip_bomb_is_refused(webhook: Webhook):
    bomb = gzip.compress(b"[" + b" " * 30_000_000)
    assert webhook.post(bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    members = b"".join(gzip.compress(b" " * 7_000_000) for _ in range(3))
    assert webhook.post(members, **{"Content-Encoding": "gzip"}).status_code == 413
    assert webhook.kept() == []


def test_too_large_a_body_is_refused(webhook: Webhook):
    assert webhook.post(b"[" + b" " * 10_000_001).status_code == 413
    assert webhook.kept() == []


def test_large_batches_come_in_parallel(webhook: Webhook):
    """SendGrid flushes at 768 KB, from many servers at once."""
    batches = [
        json.dumps([{"event": "open", "n": number, "pad": "x" * 768_000}]).encode() for number in range(12)
    ]
    with ThreadPoolExecutor(6) as pool:
        statuses = [answer.status_code for answer in pool.map(webhook.post, batches)]
    assert statuses == [200] * 12
    assert sorted(webhook.kept()) == sorted(batches)
