"""A backfill of 24 months over a million contacts through Dagster: straight, and killed in its middle and run again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import report
from benchmarks.worlds import add_sequences, empty_world
from xmit_pipeline.store.connection import Connection, EmbeddedStore

CONTACTS = 1_000_000
SPAN = ("2023-01", "2024-12")

LAPSED = """
INSERT INTO contact (id, email, metadata, status, created_at, updated_at)
SELECT uuidv7(), 'person' || i || '@example.com', '{}', CASE WHEN i % 31 = 0 THEN 'unsubscribed' ELSE 'active' END,
    came, came
FROM (
    SELECT i, TIMESTAMPTZ '2023-01-01 00:00:00+00' + to_minutes((i % (731 * 1440))::BIGINT) AS came
    FROM range($count) AS series(i)
)
"""
ENROLLED = "SELECT count(*), count(DISTINCT contact_id), bit_xor(hash(contact_id)) FROM enrollment"


def backfill(home: Path) -> "subprocess.Popen[bytes]":
    """`xmit backfill` over all months, in a process of its own."""
    command = [sys.executable, "-m", "xmit_pipeline.cli", "backfill", "s0", *SPAN]
    return subprocess.Popen(command, env={**os.environ, "XMIT_HOME": str(home)}, stdout=subprocess.DEVNULL)


def enrolled(home: Path) -> tuple[int, ...]:
    """How many enrollments, of how many contacts, and a fingerprint of who."""
    store = EmbeddedStore(home / "xmit.duckdb")
    try:
        with store.snapshot() as connection:
            return connection.execute(ENROLLED).fetchone() or (0, 0, 0)
    finally:
        store.close()


def fill(connection: Connection) -> None:
    """A sequence, and people who came over two years and never did anything since."""
    add_sequences(connection, 1)
    connection.execute(LAPSED, {"count": CONTACTS})


def run() -> None:
    """All figures of this module."""
    with empty_world() as (store, settings):
        with store.transaction() as connection:
            fill(connection)
        store.close()
        interrupted = settings.home.with_name(f"{settings.home.name}-interrupted")
        shutil.copytree(settings.home, interrupted)
        started = time.perf_counter()
        assert backfill(settings.home).wait() == 0
        seconds = time.perf_counter() - started
        report("backfill of 24 months over 1 M contacts, straight", seconds, "s", limit=120, better="lower")
        try:
            dying = backfill(interrupted)
            time.sleep(seconds / 2)
            dying.send_signal(signal.SIGKILL)
            dying.wait()
            half = enrolled(interrupted)
            assert backfill(interrupted).wait() == 0
            straight, resumed = enrolled(settings.home), enrolled(interrupted)
            assert straight == resumed
            assert straight[0] == straight[1]
            print({"enrolled": straight[0], "before the kill": half[0]}, flush=True)
        finally:
            shutil.rmtree(interrupted)
