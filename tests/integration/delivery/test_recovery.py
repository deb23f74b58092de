"""What a dead tick left is settled by the next one: the journal tells what may have gone (SPEC 6.7)."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.deliver import boot_id
from xmit_pipeline.delivery.journal import Entry, Journal

SOON = START + timedelta(minutes=1)
TICK = """
    import sys
    from datetime import datetime
    from xmit_pipeline.delivery.tick import run_tick
    from xmit_pipeline.delivery.transport import Mailer, SendGrid
    from xmit_pipeline.model.clock import FixedClock
    from xmit_pipeline.model.settings import read_settings
    from xmit_pipeline.store.connection import EmbeddedStore
    settings = read_settings()
    clock = FixedClock(datetime.fromisoformat(sys.argv[1]))
    mailer = Mailer(SendGrid(key="SG.test", host=settings.sendgrid_host, connections=8))
    print(run_tick(EmbeddedStore(settings.database), settings, clock, mailer, "doomed").counts)
"""


@pytest.fixture
def due(world: World) -> World:
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(5))
    return world


def kill_tick_in_the_post(world: World) -> None:
    """Start a tick in a process of its own and kill it while SendGrid hangs."""
    world.faults({"kind": "hang", "seconds": 30, "count": 1, "accept": True})
    environment = {**os.environ, "XMIT_HOME": str(world.settings.home), "SENDGRID_HOST": world.sandbox.url}
    command = [sys.executable, "-c", textwrap.dedent(TICK), START.isoformat()]
    with subprocess.Popen(command, env=environment) as process:
        wait_for(lambda: bool(Journal(world.settings.journal).last_words()))
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    world.faults()


def wait_for(happened: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_kill_inside_the_call_leaves_unknown_and_counted(due: World):
    """PAINS A18, A17: visible, not silent; and never posted again by itself."""
    kill_tick_in_the_post(due)
    result = due.tick(SOON)
    assert result.report.recovered == 1
    assert due.rows("SELECT state, count(*) AS n FROM message GROUP BY state") == [
        {"state": "unknown", "n": 5}
    ]
    due.tick(SOON + timedelta(minutes=1))
    assert all(times == 1 for times in due.delivered().values())


def leave_behind(world: World, state: str, boot: str | None) -> str:
    """A request of a dead tick, as its last committed transaction left it."""
    world.tick(START)
    world.change(
        "UPDATE request SET state = $state, boot_id = $boot, settled_at = NULL", state=state, boot=boot
    )
    world.change("UPDATE message SET state = 'claimed', sent_at = NULL, settled_at = NULL")
    world.change("""
        UPDATE enrollment SET due_at = NULL, last_step_id = NULL, last_sent_at = NULL,
            message_id = message.id, step_id = message.step_id
        FROM message WHERE message.enrollment_id = enrollment.id
    """)
    [request] = world.rows("SELECT id::VARCHAR AS id FROM request")
    for line in world.settings.journal.glob("*.jsonl"):
        line.unlink()
    return request["id"]


CASES = {
    "claimed, never inflight": ("claimed", None, [], "sent"),
    "inflight, not in the journal": ("inflight", boot_id(), [], "sent"),
    "inflight, journalled": ("inflight", boot_id(), [Entry.POSTED], "unknown"),
    "inflight, journalled and refused": ("inflight", boot_id(), [Entry.POSTED, Entry.NOT_SENT], "sent"),
    "inflight, after power loss": ("inflight", "another boot", [], "unknown"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_journal_decides_what_a_dead_tick_left(due: World, case: str):
    state, boot, entries, expected = CASES[case]
    request = leave_behind(due, state, boot)
    journal = Journal(due.settings.journal)
    for entry in entries:
        (journal.posted if entry is Entry.POSTED else journal.not_sent)(request, START)
    due.tick(SOON)
    assert {row["state"] for row in due.rows("SELECT state FROM message")} == {expected}


def test_a_torn_last_line_is_passed_over(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.posted("one", START)
    [file] = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes() + b'\n{"request":"tw')
    journal.posted("three", START)
    assert set(journal.last_words()) == {"one", "three"}


def test_a_second_tick_says_that_another_is_sending(due: World):
    """SPEC 6.9, PAINS A1, A23: the second skips, with its reason."""
    from xmit_pipeline.delivery.tick import tick_is_alive, tick_lock

    lock = tick_lock(due.settings)
    with lock.acquire():
        assert tick_is_alive(due.settings)
        assert "Another tick is sending" in (due.tick(START).report.note or "")
    assert not tick_is_alive(due.settings)
    assert due.tick(START).counts["sent"] == 5
