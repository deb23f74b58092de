"""The signature check: our own key pair, and the vendor's vector where it lies beside the project (SPEC 7)."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from xmit_pipeline.delivery.signature import fresh, signed, webhook_key
from xmit_pipeline.model.settings import read_settings

VECTOR = Path(__file__).parents[4] / "shared" / "sendgrid" / "event_webhook_vector.json"
ABSENT = "SendGrid's signature vector lies in shared/sendgrid beside the project; it is not here."
SIGNED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STAMP = str(int(SIGNED_AT.timestamp()))
BODY = b'[{"event":"delivered"}]\r\n'
PRIVATE = generate_private_key(SECP256R1())
KEY = b64encode(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SIGNATURE = b64encode(PRIVATE.sign(STAMP.encode() + BODY, ECDSA(SHA256()))).decode()


def holds(**changes: str | bytes) -> bool:
    return signed(**{"key": KEY, "timestamp": STAMP, "body": BODY, "signature": SIGNATURE, **changes})


@pytest.mark.skipif(not VECTOR.exists(), reason=ABSENT)
def test_official_vector_verifies():
    vector = json.loads(VECTOR.read_text())
    named = (vector["public_key"], vector["timestamp"], vector["body"].encode(), vector["signature"])
    assert signed(*named)
    assert not signed(*named[:2], named[2].rstrip(), named[3])


def test_what_was_signed_verifies():
    assert holds()


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY.rstrip()}, {"body": BODY + b" "}, {"timestamp": "1600112503"}, {"signature": ""},
        {"signature": "MEUC"}, {"signature": SIGNATURE[::-1]}, {"key": ""}, {"key": "AAAA"}, {"key": "no base64"},
        {"timestamp": ""},
    ],
    ids=["less", "more", "later", "none", "short", "turned", "keyless", "no-key", "no-base64", "timeless"],
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
    assert fresh(STAMP, SIGNED_AT + later) is expected


def test_sandbox_key_is_believed_on_loopback_only(tmp_path: Path):
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "webhook_public_key").write_text("AAAA\n")
    home = {"XMIT_HOME": str(tmp_path)}
    assert webhook_key(read_settings({**home, "SENDGRID_HOST": "http://127.0.0.1:8025"})) == "AAAA"
    assert webhook_key(read_settings(home)) == ""
    given = {**home, "SENDGRID_WEBHOOK_PUBLIC_KEY": "BBBB", "SENDGRID_HOST": "http://127.0.0.1:8025"}
    assert webhook_key(read_settings(given)) == "BBBB"
