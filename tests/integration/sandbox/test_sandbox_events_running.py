"""Events of a sandbox that comes and goes: its key, what it has posted before, and the thread that posts by itself."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3
from sendgrid.helpers.eventwebhook import EventWebhook

from tests.integration.sandbox.events_town import START, Town
from tests.integration.sandbox.webhook_end import webhook_end
from xmit_pipeline.sandbox.events_live import SPEED, events_go_out
from xmit_pipeline.sandbox.server import running_sandbox

BUSY = {"open": 0.8, "click": 0.5, "hard_bounce": 0.2, "late_bounce": 0.0}


def awaited(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_the_public_key_lies_beside_the_mail(tmp_path: Path):
    """The API reads it there; it is the same after a restart, and the private half is its owner's alone."""
    with running_sandbox(folder=tmp_path) as sandbox:
        public = (tmp_path / "webhook_public_key").read_text()
        assert public == sandbox.events.key.public
    with running_sandbox(folder=tmp_path) as again:
        assert again.events.key.public == public
    EventWebhook(public)
    assert (tmp_path / "webhook_private_key.pem").stat().st_mode & 0o777 == 0o600


def test_each_sandbox_has_its_own_key(tmp_path: Path):
    with running_sandbox(folder=tmp_path / "a") as one, running_sandbox(folder=tmp_path / "b") as other:
        assert one.events.key.public != other.events.key.public


def test_what_was_taken_is_not_posted_again(tmp_path: Path, http: urllib3.PoolManager):
    """A restart knows the past, and its lists: later events go out, earlier ones do not."""
    with webhook_end() as end:
        with running_sandbox(folder=tmp_path) as sandbox:
            town = Town(sandbox, end, http)
            town.webhook()
            town.people(**BUSY)
            town.send(100)
            town.emit(datetime.fromtimestamp(START.timestamp() + 3600, UTC))
            before, bounced = town.past(), town.call("GET", "/v3/suppression/bounces")
        assert bounced
        with running_sandbox(folder=tmp_path) as sandbox:
            town = Town(sandbox, end, http)
            assert town.past() == before
            assert town.call("GET", "/v3/suppression/bounces") == bounced
            town.webhook()
            town.people(**BUSY)
            town.emit()
            assert len(town.past()) > len(before)
            assert end.events() == town.past()


def test_what_was_lost_is_posted_after_a_restart(tmp_path: Path, http: urllib3.PoolManager):
    """At least once: a sandbox that ends while its webhook is down has it all again."""
    with webhook_end() as end:
        with running_sandbox(folder=tmp_path) as sandbox:
            town = Town(sandbox, end, http)
            town.webhook(retry_seconds=0)
            town.people(**BUSY)
            town.send(20)
            end.answers = [500]
            town.emit()
        assert end.events() == []
        with running_sandbox(folder=tmp_path) as sandbox:
            town = Town(sandbox, end, http)
            town.webhook()
            town.people(**BUSY)
            town.emit()
            assert end.events() == town.past()


def test_people_stay_who_they_were(tmp_path: Path, http: urllib3.PoolManager):
    """`xmit up --demo` goes on with the demo's people, sixty times faster."""
    with running_sandbox(folder=tmp_path) as sandbox, webhook_end() as end:
        town = Town(sandbox, end, http)
        town.webhook()
        town.people(**BUSY)
        town.send(5)
        town.emit()
        before = sandbox.events.people
        assert before is not None
    with running_sandbox(folder=tmp_path) as again, events_go_out(again.events, None, people=True):
        assert again.events.people == before.model_copy(update={"speed": SPEED})


@pytest.mark.parametrize("kept", [b"{}", b"no JSON", b'{"until": "x", "people": {"opens": 1}}'])
def test_a_torn_note_is_no_past(tmp_path: Path, kept: bytes, http: urllib3.PoolManager):
    with running_sandbox(folder=tmp_path) as sandbox, webhook_end() as end:
        Town(sandbox, end, http).send(3)
    (tmp_path / "events.json").write_bytes(kept)
    with running_sandbox(folder=tmp_path) as sandbox:
        assert sandbox.events.past().events == []


def test_events_go_out_by_themselves(town: Town):
    """`xmit sandbox --people --webhook`: deliveries arrive within seconds of the mail, without a call."""
    with events_go_out(town.sandbox.events, f"{town.end.url}/events", people=True):
        town.send(20, at=datetime.fromtimestamp(time.time() - 60, UTC))
        awaited(lambda: sum(event["event"] == "delivered" for event in town.end.events()) > 10)
    assert all(post.verified(town.sandbox.events.key.public) for post in town.end.posts)


def test_ending_waits_for_no_dead_webhook(town: Town):
    """Ctrl-C ends at once, though a batch would be tried for a day."""
    with events_go_out(town.sandbox.events, "http://127.0.0.1:9/", people=True):
        town.send(5, at=datetime.fromtimestamp(time.time() - 60, UTC))
        awaited(lambda: bool(town.past()))
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_xmit_sandbox_has_people_when_asked(home: Path, http: urllib3.PoolManager):
    """The command itself: a reader for the mail, a webhook, a key in the home; ends cleanly."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with webhook_end() as end:
        command = [sys.executable, "-m", "xmit_pipeline.cli", "sandbox", "--port", str(port), "--people"]
        process = subprocess.Popen([*command, "--webhook", f"{end.url}/events"], stderr=subprocess.PIPE)
        try:
            awaited(lambda: _answers(http, port))
            town = Town(_Elsewhere(f"http://127.0.0.1:{port}"), end, http)  # type: ignore[arg-type]
            town.send(5, at=datetime.fromtimestamp(time.time() - 60, UTC))
            awaited(lambda: bool(end.events()))
        finally:
            os.kill(process.pid, signal.SIGTERM)
            _, told = process.communicate(timeout=30)
        assert (process.returncode, told.count(b"\n")) == (0, 1)
        assert end.posts[0].verified((home / "sandbox" / "webhook_public_key").read_text())


class _Elsewhere:
    def __init__(self, url: str) -> None:
        self.url = url


def _answers(http: urllib3.PoolManager, port: int) -> bool:
    try:
        return http.request("GET", f"http://127.0.0.1:{port}/_sandbox/stats", timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False
