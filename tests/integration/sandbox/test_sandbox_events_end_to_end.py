"""From the tick's mail to SPEC 7's figures: the sandbox's people, the real webhook, the real links, one truth."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3

from tests.campaigns import START, World
from xmit_pipeline.delivery.transport import SendGrid
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.sandbox.events_desk import totals
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.server import running_sandbox
from xmit_pipeline.sandbox.webhook_order import WebhookOrder
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.events import fold_events
from xmit_pipeline.store.metrics import step_stats
from xmit_pipeline.store.wishes import fold_wishes

BODY = (
    '<p>Hello {{ firstName }}, <a href="https://www.example.com/start">start</a>, '
    '<a href="https://www.example.com/prices">prices</a>, <a href="{{ unsubscribe_url }}">leave</a></p>'
)
PEOPLE = 300
LATER = START + timedelta(days=3)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`xmit api` over this home, as a process of its own: where it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("XMIT_PUBLIC_URL", url)
    monkeypatch.setenv("SENDGRID_HOST", "http://127.0.0.1:9")
    EmbeddedStore(read_settings().database, patience_seconds=20).close()
    command = [sys.executable, "-m", "xmit_pipeline.cli", "api", "--port", url.rpartition(":")[2]]
    process = subprocess.Popen(command, env=os.environ)
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if urllib3.request("GET", f"{url}/healthz", retries=False).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the API did not start")


@pytest.fixture
def town(home: Path, api: str) -> Iterator[World]:
    """A world whose sandbox keeps its key in the home and posts to the API, badly."""
    with running_sandbox(folder=home / "sandbox") as sandbox:
        settings = read_settings(
            {"XMIT_HOME": str(home), "SENDGRID_HOST": sandbox.url, "XMIT_PUBLIC_URL": api}
        )
        store = EmbeddedStore(settings.database, patience_seconds=20)
        sendgrid = SendGrid(key="SG.test", host=sandbox.url, connections=4)
        sandbox.events.people = PeopleOrder(
            hard_bounce=0.05, soft_bounce=0.03, complaint=0.02, unsubscribe=0.05, scanner=0.1, late_bounce=0.0
        )
        sandbox.events.webhook = WebhookOrder(
            url=f"{api}/webhooks/sendgrid", duplicate=0.3, fresh_ids=True, shuffle=True, late=0.3, late_seconds=7200,
            batch_bytes=40_000,
        )  # fmt: skip
        try:
            yield World(store, settings, sandbox, sendgrid)
        finally:
            sendgrid.close()
            store.close()


def test_figures_are_what_people_did(town: World):
    """SPEC 7: repeated, late, shuffled and under other ids, the figures are the sandbox's truth to the unit."""
    town.domain()
    sequence_id = town.sequence(body=BODY)
    town.enroll(sequence_id, town.people(PEOPLE))
    assert town.tick(START).report.sent == PEOPLE

    for hours in (1, 4, 50):
        emitted = town.sandbox.events.emit((START + timedelta(hours=hours)).timestamp())
        assert (emitted.batches.lost, emitted.one_clicks.lost) == (0, 0)
        fold_events(town.store, town.settings, START + timedelta(hours=hours))
        fold_wishes(town.store, town.settings.home, FixedClock(datetime.now(UTC)))

    past = town.sandbox.events.past()
    truth = totals(past.events, len(past.one_clicks))
    with town.store.transaction() as connection:
        [figures] = step_stats(connection, sequence_id, LATER)
    assert figures["sent"] == PEOPLE
    assert figures["delivered"] == truth["delivered"]
    # two opens of one mail in one second are one open (SPEC 7, duplicates)
    opens = {(each["xmit_message"], each["timestamp"]) for each in past.events if each["event"] == "open"}
    assert figures["opens"] == len(opens)
    assert figures["clicks"] == truth["click"]
    assert figures["bounces"] == truth["bounce"]
    assert figures["complaints"] == truth["spamreport"]
    assert figures["unsubscribes"] == truth["one_click"]
    people = {event["xmit_message"] for event in past.events if event.get("sg_machine_open") is False}
    assert figures["human_opens"] == len(people)
    assert min(truth.values()) > 0
