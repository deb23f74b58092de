"""Clients that enroll one contact a call, against `xmit api` as a process: between ticks, and while ticks run."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from socket import create_server
from uuid import UUID

import orjson

from benchmarks.figures import report, timed
from benchmarks.sink import running_sink
from benchmarks.worlds import NOW, add_people, add_sequences, empty_world
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection, EmbeddedStore
from xmit_pipeline.store.keys import create_key

CONTACTS = 1_000_000
THROUGHPUT = {1: 5, 50: 100}
"""Clients of a round, and the requests a second that they must get through."""
ALLOWED = 100
"""Requests a second of one key, as it stands in the settings: what many clients together may ask for long."""
SECONDS = 15.0
WARM_SECONDS = 2.0
BETWEEN_TICKS, WHILE_TICKS_RUN = 150, 1000
"""Milliseconds that 99 of 100 calls may take at most (DESIGN 8)."""
TICKS = 40
TICK_SIZE = 10_000
NEW = 120_000
NOBODY_DUE = 1_000_000_007

NEWCOMERS = """
INSERT INTO contact (id, email, metadata, status, created_at, updated_at)
SELECT uuidv7(), $name || i || '@example.com', '{}', 'active', $now, $now FROM range($count) AS series(i)
"""

MINUTES_OF_TICKS = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, source, step_id, due_at, enrolled_at)
SELECT uuidv7(), sequence.id, contact.id, 'active', 'import', step.id,
    $now::TIMESTAMPTZ + to_minutes(contact.number // $size), $now
FROM (SELECT id, row_number() OVER () - 1 AS number FROM contact WHERE email LIKE 'due%') AS contact
CROSS JOIN sequence
JOIN step ON step.sequence_id = sequence.id
WHERE sequence.name = 's1'
"""

PAIRS = """
SELECT count(*), count(DISTINCT contact_id) FROM enrollment WHERE sequence_id = $id AND source = 'manual'
"""


def furnish(connection: Connection) -> tuple[str, UUID, list[str]]:
    """A key, a sequence to enroll in, and contacts who are in none; minutes of 10,000 due in another one."""
    add_sequences(connection, 3)
    add_people(connection, CONTACTS, NOBODY_DUE)
    connection.execute(NEWCOMERS, {"now": NOW, "name": "new", "count": NEW})
    connection.execute(NEWCOMERS, {"now": NOW, "name": "due", "count": TICKS * TICK_SIZE})
    connection.execute(MINUTES_OF_TICKS, {"now": NOW, "size": TICK_SIZE})
    ids = connection.execute("SELECT 'con_' || id_suffix(id) FROM contact WHERE email LIKE 'new%'").fetchall()
    (sequence,) = connection.execute("SELECT id FROM sequence WHERE name = 's0'").fetchone() or (UUID(int=0),)
    return create_key(connection, "bench", NOW), sequence, [row[0] for row in ids]


@contextmanager
def running_api(settings: Settings) -> Generator[int]:
    """`xmit api` over this home, without a limit on requests; its port."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "XMIT_HOME": str(settings.home), "XMIT_RATE_PER_SECOND": "0"}
    command = [sys.executable, "-m", "xmit_pipeline.cli", "api", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise TimeoutError("the API did not start")


class Crowd:
    """So many clients, each over one connection, each enrolling one contact after another."""

    def __init__(self, port: int, key: str, path: str, contacts: list[str]) -> None:
        self._port, self._path = port, path
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._contacts = iter(contacts)
        self._next = threading.Lock()
        self.waits: list[float] = []
        self.enrolled = 0

    def run(self, clients: int, seconds: float, rate: float | None = None) -> None:
        """Call for so long, all together `rate` times a second, or as soon as each is answered; waits in `waits`."""
        self.waits, self._until = [], time.monotonic() + seconds
        beat = clients / rate if rate else 0.0
        threads = [
            threading.Thread(target=self._client, args=(beat, number / rate if rate else 0.0))
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, beat: float, offset: float) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        turn = time.monotonic() + offset
        while time.monotonic() < self._until:
            time.sleep(max(0.0, turn - time.monotonic()))
            turn += beat
            with self._next:
                contact = next(self._contacts)
            body = orjson.dumps({"contactIds": [contact]})
            asked = time.perf_counter()
            connection.request("POST", self._path, body, self._headers)
            answer = connection.getresponse()
            told = orjson.loads(answer.read())
            waited = time.perf_counter() - asked
            assert (answer.status, told["enrolled"]) == (HTTPStatus.OK, 1), told
            with self._next:
                self.waits.append(waited)
                self.enrolled += 1
        connection.close()


def _tick_on(settings: Settings, stop: Event) -> None:
    """Ticks of 10,000 back to back; the process of its own that Dagster's run would be."""
    store = EmbeddedStore(settings.database)
    mailer = Mailer(SendGrid(key="SG.bench", host=settings.sendgrid_host, connections=8))
    seconds: list[float] = []
    for minute in range(TICKS):
        if stop.is_set():
            break
        clock = FixedClock(NOW + timedelta(minutes=minute))
        result, spent = timed(lambda at=clock: run_tick(store, settings, at, mailer, f"t{at.moment:%H%M}"))
        store.close()
        assert result.report.sent == TICK_SIZE, result
        seconds.append(spent)
    report(f"tick of {TICK_SIZE:,} beside API clients, slowest", max(seconds), "s", limit=15, better="lower")


def tell(crowd: Crowd, clients: int, label: str, limit: float, rate: int | None = None) -> None:
    """One round of so many clients: throughput, median and p99."""
    crowd.run(clients, SECONDS, rate)
    pace = f"{rate} a second by {clients}" if rate else f"{clients} at a time"
    waits, name = sorted(crowd.waits), f"API enroll of one contact, {pace}, {label}"
    least = rate * 0.95 if rate else THROUGHPUT[clients]
    report(f"{name}, throughput", len(waits) / SECONDS, "requests/s", limit=least, better="higher")
    report(f"{name}, p50", waits[len(waits) // 2] * 1000, "ms", limit=limit, better="lower")
    report(f"{name}, p99", waits[int(len(waits) * 0.99)] * 1000, "ms", limit=limit, better="lower")


@contextmanager
def running_ticks(settings: Settings) -> Generator[None]:
    """Ticks of 10,000, one after another, in a process of their own."""
    context = get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_tick_on, args=(settings, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()
    assert process.exitcode == 0


def run() -> None:
    """All figures of this module."""
    with running_sink() as host, empty_world(host) as (store, settings):
        with store.transaction() as connection:
            key, sequence, contacts = furnish(connection)
        store.close()
        path = f"/api/sequences/{public_id(Kind.SEQUENCE, sequence)}/enroll"
        with running_api(settings) as port:
            crowd = Crowd(port, key, path, contacts)
            crowd.run(1, WARM_SECONDS)
            for clients in THROUGHPUT:
                tell(crowd, clients, "between ticks", BETWEEN_TICKS)
            tell(crowd, max(THROUGHPUT), "between ticks", BETWEEN_TICKS, ALLOWED)
            with running_ticks(settings):
                time.sleep(WARM_SECONDS)
                for clients in THROUGHPUT:
                    tell(crowd, clients, f"while ticks of {TICK_SIZE:,} run", WHILE_TICKS_RUN)
        with store.snapshot() as connection:
            rows, people = connection.execute(PAIRS, {"id": sequence}).fetchone() or (0, 0)
        assert rows == people == crowd.enrolled, (rows, people, crowd.enrolled)
