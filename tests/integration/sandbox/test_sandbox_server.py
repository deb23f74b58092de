"""The server itself: comes up, keeps its mail on disk, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
import urllib3

from xmit_pipeline.model.errors import ConfigurationFault, Conflict
from xmit_pipeline.sandbox.server import running_sandbox

KEY = {"Authorization": "Bearer SG.any-key", "Content-Type": "application/json"}


def send(url: str, body: dict[str, Any]) -> int:
    return urllib3.request("POST", f"{url}/v3/mail/send", body=orjson.dumps(body), headers=KEY).status


def test_the_port_is_free_again_afterwards() -> None:
    with running_sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        assert urllib3.request("GET", f"{sandbox.url}/_sandbox/stats").status == 200

    with running_sandbox(port=port) as again:
        assert again.url == sandbox.url


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationFault, match=str(port)), running_sandbox(port=port):
            pass


def test_mail_in_a_folder_outlives_the_server(tmp_path: Path, body: dict[str, Any]) -> None:
    """Accepted mail, ids, days and order are there again; new mail goes behind it."""
    with running_sandbox(folder=tmp_path / "mail") as sandbox:
        send(sandbox.url, body)
        before = [mail.as_json() for mail in sandbox.mailbox.page().mails]

    with running_sandbox(folder=tmp_path / "mail") as sandbox:
        assert [mail.as_json() for mail in sandbox.mailbox.page().mails] == before
        assert sandbox.mailbox.acceptances == {"msg_1": 1, "msg_2": 1}
        send(sandbox.url, body)
        stats = sandbox.mailbox.stats()

    assert (stats["requests"], stats["messages"], stats["doubled"]) == (2, 4, 2)


def test_a_torn_last_line_is_cut_off(tmp_path: Path, body: dict[str, Any]) -> None:
    """A server killed while it wrote: the whole mails stay, and the next one is not glued to the torn one."""
    with running_sandbox(folder=tmp_path) as sandbox:
        send(sandbox.url, body)
    kept = (tmp_path / "mail.jsonl").read_bytes()
    (tmp_path / "mail.jsonl").write_bytes(kept + kept[: len(kept) // 2])

    with running_sandbox(folder=tmp_path) as sandbox:
        assert sandbox.mailbox.page().total == 2
        send(sandbox.url, body)

    with running_sandbox(folder=tmp_path) as sandbox:
        assert sandbox.mailbox.page().total == 4
        assert sandbox.mailbox.acceptances == {"msg_1": 2, "msg_2": 2}


def test_a_folder_has_one_sandbox(tmp_path: Path) -> None:
    with (
        running_sandbox(folder=tmp_path),
        pytest.raises(Conflict, match=str(tmp_path)),
        running_sandbox(folder=tmp_path),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_server_ends_cleanly(
    number: signal.Signals, tmp_path: Path, body: dict[str, Any]
) -> None:
    """SPEC 10: `xmit sandbox` ends on Ctrl-C, says nothing, and its mail is on disk."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = (
        "from pathlib import Path; from xmit_pipeline.sandbox.server import serve; "
        f"serve(host='127.0.0.1', port={port}, folder=Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        assert send(url, body) == 202
    finally:
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=20)

    assert (process.returncode, said) == (0, b"")
    assert (tmp_path / "mail.jsonl").read_bytes().count(b"\n") == 1


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib3.request("GET", f"{url}/_sandbox/stats", retries=False)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


def test_the_server_module_is_cheap_to_import() -> None:
    """Other commands must not pay for FastAPI, uvicorn and Jinja."""
    code = (
        "import sys, xmit_pipeline.sandbox.server; "
        "print(*{'fastapi', 'starlette', 'uvicorn', 'jinja2', 'pydantic'} & set(sys.modules))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == ""
