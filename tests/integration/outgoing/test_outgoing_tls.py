"""Over TLS the name in the address is what the certificate must say, whatever address is connected to."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns import START
from tests.integration.outgoing.conftest import Hooks
from tests.integration.outgoing.receiver import Receiver, running_receiver
from xmit_pipeline.delivery import outgoing_post
from xmit_pipeline.model.webhooks import WebhookType

NAME = "hooks.example"


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver with a certificate for NAME, which is trusted; every name leads to it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(outgoing_post, "_tls", lambda: trusting)
    resolve = socket.getaddrinfo

    def here(host: str, *others: Any, **options: Any) -> list[Any]:
        return resolve("127.0.0.1" if host.endswith(".example") else host, *others, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)

    def wrap(plain: socket.socket) -> socket.socket:
        return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)

    with running_receiver(wrap) as running:
        yield running


def test_the_name_goes_to_certificate_and_host_header(hooks: Hooks, secure: Receiver):
    hooks.add(f"https://{NAME}:{secure.port}/hooks?team=growth", WebhookType.SENT)
    hooks.send(1)
    assert hooks.pass_at(START).delivered == 1
    [post] = secure.posts
    assert (post.path, post.headers["Host"]) == ("/hooks?team=growth", f"{NAME}:{secure.port}")


def test_a_certificate_of_another_name_is_refused(hooks: Hooks, secure: Receiver):
    hooks.add(f"https://other.example:{secure.port}/hooks", WebhookType.SENT)
    hooks.send(1)
    assert hooks.pass_at(START).put_off == 1
    assert secure.posts == []
    [row] = hooks.world.rows("SELECT words FROM webhook_delivery")
    assert "CERTIFICATE_VERIFY_FAILED" in row["words"]
