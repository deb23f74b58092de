"""What docs/webhooks.md shows works as it stands: its curl lines and its Python, on a real server."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.integration.outgoing.receiver import Receiver
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.webhooks import DeliveryState, WebhookType, wait_seconds
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key

DOCUMENT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def shell(store: EmbeddedStore, home: Path, receiver: Receiver) -> Iterator[dict[str, str]]:
    """The environment in which the document's lines run: a served API, a key, and a receiver."""
    with store.transaction() as connection:
        key = create_key(connection, "document", WallClock().now())
    store.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-c", "from xmit_pipeline.cli.app import main; main()", "api", "--port", port]
    environment = {**os.environ, "XMIT_HOME": str(home), "XMIT_WEBHOOKS_PRIVATE": "allow"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as api:
        assert api.stderr
        assert any("answers at" in line for line in api.stderr)
        yield {**os.environ, "XMIT": f"http://127.0.0.1:{port}", "XMIT_KEY": key, "RECEIVER": receiver.url}
        api.terminate()
        api.stderr.read()


def run(block: str, shell: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(["bash", "-euc", block], env=shell, capture_output=True, check=True)
    return orjson.loads(done.stdout)


def test_the_documents_lines_make_test_and_list_a_webhook(shell: dict[str, str], receiver: Receiver):
    create, ping, deliveries = blocks("bash")
    made = run(create, shell)
    shell["WEBHOOK"] = made["id"]
    assert run(ping, shell)["status"] == "delivered"
    assert run(deliveries, shell)["totalCount"] == 0
    [post] = receiver.posts
    namespace: dict[str, Any] = {}
    exec(blocks("python")[0], namespace)  # noqa: S102  (the document's own example)
    is_genuine, signature = namespace["is_genuine"], post.headers["X-Xmit-Signature"]
    assert is_genuine(made["secret"], post.body, signature)
    assert not is_genuine(made["secret"], post.body + b" ", signature)


@pytest.mark.parametrize("word", [*WebhookType, *DeliveryState])
def test_every_type_and_status_is_in_the_document(word: str):
    assert f"`{word}`" in DOCUMENT


def test_the_documents_waits_are_the_real_ones():
    told = re.search(r"after about ([\d, and]+) minutes", DOCUMENT)
    assert told
    minutes = [int(number) for number in re.findall(r"\d+", told[1])]
    for tries_left, about in zip(range(8, 1, -1), minutes, strict=True):
        assert 0.75 * about <= wait_seconds(tries_left) / 60 <= 1.26 * about


def test_the_documents_body_has_the_real_fields():
    [example] = blocks("json")
    body = orjson.loads(example)
    assert set(body) == {"id", "type", "createdAt", "data"}
    assert [name for name in body["data"] if name.endswith("Id")] == [
        "messageId",
        "enrollmentId",
        "sequenceId",
        "stepId",
        "contactId",
    ]
