"""`/healthz` and `/readyz`: true, useful, and in time whoever holds the store (SPEC 8)."""

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from filelock import FileLock

from tests.integration.api.client import START, Api, opened_api
from xmit_pipeline.api.health import pulse_of
from xmit_pipeline.store import ticks, warmup
from xmit_pipeline.store.senders import domains

IN_TIME = 8.0
FOREIGN = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("inside", flush=True)
time.sleep(60)
"""


def ready(api: Api) -> tuple[int, dict[str, Any]]:
    """/readyz by a look of its own: what an earlier one saw is kept for a second."""
    state = cast(FastAPI, api.client.app).state
    state.pulse = pulse_of(api.store, state.settings, api.clock)
    answer = api.get("/readyz")
    return answer.status_code, answer.json()


def late(api: Api, minutes: int) -> None:
    """Somebody is due, and then it is so many minutes later."""
    sequence = api.new_active()
    api.made(f"/api/sequences/{sequence}/enroll", {"contactIds": [api.new_contact()]})
    api.clock.moment = START + timedelta(minutes=minutes)


def tick_began(api: Api, ago: timedelta) -> None:
    with api.store.transaction() as connection:
        ticks.start_tick(connection, "t", api.clock.now(), datetime.now(UTC) - ago, simulated=False)


@contextmanager
def foreigner_in(path: Path) -> Generator[int]:
    """A program that is not xmit and has the file open; its pid."""
    command = [sys.executable, "-c", FOREIGN, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def test_empty_store_is_ready(api: Api) -> None:
    """Nothing due: no tick is missed."""
    status, body = ready(api)
    assert (status, body["status"], body["due"], body["lastTickAt"]) == (200, "ready", 0, None)


def test_needs_no_key(api: Api) -> None:
    """Probes of a platform carry none."""
    codes = [
        api.client.get(path, headers={"Authorization": ""}).status_code for path in ("/healthz", "/readyz")
    ]
    assert codes == [200, 200]


def test_mail_that_waits_without_ticks_is_told(api: Api) -> None:
    """The schedule is off: 503, since when the oldest waits, and what to do."""
    late(api, 4)
    status, body = ready(api)
    assert (status, body["status"], body["checks"]["schedule"]["ok"]) == (503, "not ready", False)
    assert (body["overdueSeconds"], body["oldestDueAt"]) == (260, "2026-03-02T09:30:00Z")
    assert "xmit up" in body["checks"]["schedule"]["do"]


def test_first_minutes_of_waiting_are_no_fault(api: Api) -> None:
    """The next tick may still come."""
    late(api, 2)
    assert ready(api)[0] == 200


def test_recent_tick_is_life(api: Api) -> None:
    """A backlog under way is not a dead schedule."""
    late(api, 60)
    tick_began(api, timedelta(seconds=50))
    assert ready(api)[0] == 200


def test_old_tick_is_none(api: Api) -> None:
    """Ticks that ended long ago do not speak for the present."""
    late(api, 60)
    tick_began(api, timedelta(minutes=5))
    assert ready(api)[0] == 503


def test_long_tick_at_work_is_life(api: Api) -> None:
    """It began long ago, and its lock is held."""
    late(api, 60)
    tick_began(api, timedelta(minutes=9))
    with FileLock(api.store.path.parent / "tick.lock", thread_local=False):
        assert ready(api)[0] == 200


def test_deferred_mail_needs_no_tick(api: Api) -> None:
    """Who waits for a paused warmup is not overdue: no tick could send it."""
    late(api, 60)
    with api.store.transaction() as connection:
        warmup.pause(connection, domains(connection)[0]["id"], START, "by hand")
    status, body = ready(api)
    assert (status, body["due"], body["overdueSeconds"]) == (200, 1, 0)


def test_foreign_holder_is_named_in_time(tmp_path: Path) -> None:
    """SPEC 9: a store held by another program: 503 within seconds, with its pid and what to do."""
    with opened_api(tmp_path) as api:
        api.store.close()
        with foreigner_in(api.store.path) as pid:
            began = time.monotonic()
            status, body = ready(api)
            healthy = api.get("/healthz")
            assert time.monotonic() - began < IN_TIME
        assert (status, body["checks"]["store"]["ok"]) == (503, False)
        assert f"process {pid}" in body["checks"]["store"]["message"]
        assert healthy.status_code == 200
        deadline = time.monotonic() + IN_TIME
        while ready(api)[0] != 200:
            assert time.monotonic() < deadline


def test_holder_is_named_while_others_wait(tmp_path: Path) -> None:
    """A call that waits its whole minute for the store does not make the probe wait."""
    with opened_api(tmp_path) as api:
        api.store.close()
        with foreigner_in(api.store.path) as pid:
            waiting = threading.Thread(target=api.get, args=("/api/lists",))
            waiting.start()
            began = time.monotonic()
            _, body = ready(api)
            assert time.monotonic() - began < IN_TIME
        waiting.join()
        assert str(pid) in body["checks"]["store"]["message"]
