"""The key pair that signs event batches, as SendGrid's Signed Event Webhook does: ECDSA on P-256 with SHA-256."""

import os
from base64 import b64encode
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PUBLIC = "webhook_public_key"
"""The file beside the mail that holds the public key, in the form of SENDGRID_WEBHOOK_PUBLIC_KEY."""
_PRIVATE = "webhook_private_key.pem"


class WebhookKey:
    """A key pair of the sandbox's own; worth nothing anywhere else."""

    def __init__(self, private: EllipticCurvePrivateKey | None = None) -> None:
        self._private = private or generate_private_key(SECP256R1())

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """The folder's key pair, made at first; the public half is written beside it in any case."""
        private = folder / _PRIVATE
        if private.exists():
            loaded = load_pem_private_key(private.read_bytes(), password=None)
            key = cls(loaded if isinstance(loaded, EllipticCurvePrivateKey) else None)
        else:
            key = cls()
            _write(private, key._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _write(folder / PUBLIC, key.public.encode())
        return key

    @property
    def public(self) -> str:
        """The public half: base64 of its DER, as SendGrid shows it."""
        der = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(der).decode()

    def signature(self, timestamp: str, body: bytes) -> str:
        """The signature header's value: base64 of a DER signature over timestamp and raw body."""
        return b64encode(self._private.sign(timestamp.encode() + body, ECDSA(SHA256()))).decode()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner's eyes."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.chmod(0o600)
    fresh.replace(path)
