"""Whether a webhook body is SendGrid's own and fresh (SPEC 7): ECDSA over P-256 and SHA-256, of timestamp and body.

Vendor page: twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features.
The `sendgrid` package's own check takes text alone and costs three times as much; this is the same check on bytes.
"""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from xmit_pipeline.model.settings import Settings, webhook_key_file

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
OLDEST = timedelta(hours=48)
"""SendGrid posts again for 24 hours; nobody says whether it signs anew each time."""
AHEAD = timedelta(minutes=5)


def webhook_key(settings: Settings) -> str:
    """The public key, base64 of DER, as it is at this moment: given, kept by set-up, or the sandbox's own; or blank.

    The sandbox's is believed only where mail goes to a loopback address.
    """
    files = [webhook_key_file(settings.home)]
    if settings.host_is_loopback:
        files.append(settings.home / "sandbox" / "webhook_public_key")
    kept = (path.read_text().strip() for path in files if path.is_file())
    return settings.webhook_public_key or next((key for key in kept if key), "")


def signed(key: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Whether the holder of the private key signed exactly this; false for anything that can't be read."""
    public = _public_key(key)
    if public is None:
        return False
    try:
        public.verify(b64decode(signature, validate=True), timestamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def fresh(timestamp: str, now: datetime) -> bool:
    """Whether a signature's Unix seconds lie at most 48 hours back and 5 minutes ahead."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 11):  # noqa: PLR2004
        return False
    return now - OLDEST <= datetime.fromtimestamp(int(timestamp), UTC) <= now + AHEAD


@lru_cache(maxsize=4)
def _public_key(key: str) -> EllipticCurvePublicKey | None:
    try:
        loaded = load_der_public_key(b64decode(key, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return loaded if isinstance(loaded, EllipticCurvePublicKey) else None
