"""The signature check against the vendor's own vector (SPEC 7)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from xmit_pipeline.delivery.signature import fresh, signed, webhook_key
from xmit_pipeline.model.settings import read_settings

VECTOR = json.loads(
    (Path(__file__).parents[4] / "shared" / "sendgrid" / "event_webhook_vector.json").read_text()
)
BODY = VECTOR["body"].encode()
SIGNED_AT = datetime.fromtimestamp(int(VECTOR["timestamp"]), UTC)


def holds(**changes: str | bytes) -> bool:
    given = {"key": VECTOR["public_key"], "timestamp": VECTOR["timestamp"], "body": BODY,
             "signature": VECTOR["signature"], **changes}  # fmt: skip
    return signed(**given)


def test_official_vector_verifies():
    assert holds()


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY.rstrip()}, {"body": BODY + b" "}, {"timestamp": "1600112503"}, {"signature": ""},
        {"signature": "MEUC"}, {"signature": VECTOR["signature"][::-1]}, {"key": ""}, {"key": "AAAA"},
        {"key": "no base64"}, {"timestamp": ""},
    ],
)  # fmt: skip
def test_anything_changed_does_not_verify(changes: dict[str, str | bytes]):
    assert not holds(**changes)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (timedelta(), True), (timedelta(hours=48), True), (timedelta(hours=48, seconds=1), False),
        (timedelta(minutes=-5), True), (timedelta(minutes=-5, seconds=-1), False),
    ],
)  # fmt: skip
def test_freshness_has_two_ends(later: timedelta, *, expected: bool):
    """SPEC 7: refused when over 48 h old or 5 min ahead."""
    assert fresh(VECTOR["timestamp"], SIGNED_AT + later) is expected


def test_sandbox_key_is_believed_on_loopback_only(tmp_path: Path):
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "webhook_public_key").write_text("AAAA\n")
    home = {"XMIT_HOME": str(tmp_path)}
    assert webhook_key(read_settings({**home, "SENDGRID_HOST": "http://127.0.0.1:8025"})) == "AAAA"
    assert webhook_key(read_settings(home)) == ""
    given = {**home, "SENDGRID_WEBHOOK_PUBLIC_KEY": "BBBB", "SENDGRID_HOST": "http://127.0.0.1:8025"}
    assert webhook_key(read_settings(given)) == "BBBB"
