"""Fair turns at one file among processes: nothing lost, nobody starved, a death frees the store (DESIGN 3)."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.migrations import known_migrations

MINUTE = 60.0
LONGEST_WAIT = 3.0
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def add_list(store: EmbeddedStore, name: str) -> None:
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO list VALUES (uuidv7(), $name, NULL, $now, NULL)", {"name": name, "now": NOW}
        )


def names(store: EmbeddedStore) -> list[str]:
    with store.snapshot() as connection:
        return [row[0] for row in connection.execute("SELECT name FROM list ORDER BY name").fetchall()]


def hammer_small(path: Path, seconds: float, told: "multiprocessing.Queue[tuple[int, float]]") -> None:
    """Eight threads of tiny transactions, as an API serves them."""
    store = EmbeddedStore(path)
    waits: list[float] = []
    stop = time.monotonic() + seconds

    def work(thread: int) -> None:
        count = 0
        while time.monotonic() < stop:
            asked = time.monotonic()
            add_list(store, f"small-{thread}-{count}")
            waits.append(time.monotonic() - asked)
            count += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    told.put((len(waits), max(waits)))


def hammer_large(path: Path, seconds: float, told: "multiprocessing.Queue[tuple[int, float]]") -> None:
    """Transactions of a few hundred milliseconds, as a tick makes them."""
    store = EmbeddedStore(path)
    waits: list[float] = []
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        asked = time.monotonic()
        with store.transaction() as connection:
            waits.append(time.monotonic() - asked)
            connection.execute(
                "INSERT INTO list VALUES (uuidv7(), $name, NULL, $now, NULL)",
                {"name": f"large-{len(waits)}", "now": NOW},
            )
            time.sleep(0.3)
        time.sleep(0.05)
    store.close()
    told.put((len(waits), max(waits)))


def test_small_and_large_transactions_share_a_minute(tmp_path: Path):
    """No lost write, no error shown, nobody waits longer than three seconds."""
    path = tmp_path / "xmit.duckdb"
    context = multiprocessing.get_context("spawn")
    small, large = context.Queue(), context.Queue()
    processes = [
        context.Process(target=hammer_small, args=(path, MINUTE, small)),
        context.Process(target=hammer_large, args=(path, MINUTE, large)),
    ]
    for process in processes:
        process.start()
    (small_count, small_wait), (large_count, large_wait) = (
        small.get(timeout=MINUTE * 2),
        large.get(timeout=MINUTE * 2),
    )
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(names(EmbeddedStore(path))) == small_count + large_count
    assert max(small_wait, large_wait) < LONGEST_WAIT
    assert min(small_count, large_count) > 50


@contextmanager
def program(code: str, *arguments: object) -> "Generator[subprocess.Popen[str]]":
    """A Python program of its own, past its first line of output; killed at the end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.first_line = process.stdout.readline()
            yield process
        finally:
            process.kill()


HOLDER = """
    import sys, time
    from pathlib import Path
    from xmit_pipeline.store.connection import EmbeddedStore
    with EmbeddedStore(Path(sys.argv[1])).transaction() as connection:
        connection.execute("INSERT INTO list VALUES (uuidv7(), 'half done', NULL, '2026-03-02', NULL)")
        print("inside", flush=True)
        time.sleep(60)
"""


FOREIGN = """
    import duckdb, sys, time
    connection = duckdb.connect(sys.argv[1])
    print("inside", flush=True)
    time.sleep(60)
"""


def test_a_kill_inside_a_turn_leaves_the_store_free(store: EmbeddedStore):
    add_list(store, "before")
    store.close()
    with program(HOLDER, store.path) as holder:
        os.kill(holder.pid, signal.SIGKILL)
    add_list(store, "after")
    assert names(store) == ["after", "before"]


def fail_inside_a_turn(store: EmbeddedStore, kept: list[object]) -> None:
    with store.transaction() as connection:
        connection.execute("INSERT INTO list VALUES (uuidv7(), 'gone', NULL, $now, NULL)", {"now": NOW})
        kept.append(connection.sql("SELECT 1 / 1"))  # an unread relation, as a traceback would keep it
        raise ZeroDivisionError


ENDING = """
    import sys, tempfile, time
    from pathlib import Path
    from xmit_pipeline.store.connection import EmbeddedStore
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "xmit.duckdb", quiet_seconds=0)
        with store.transaction() as connection:
            connection.execute("CREATE TABLE much AS SELECT range, hash(range) FROM range(120_000)")
        time.sleep(float(sys.argv[1]))
"""


def test_a_process_may_end_while_its_file_is_being_closed():
    """A thread that the interpreter takes away inside DuckDB aborts the process, whose work was done."""
    for number in range(6):
        with program(ENDING, 0.012 + number * 0.003) as process:
            assert process.wait(timeout=60) == 0


def test_an_exception_inside_a_turn_leaves_the_store_free(store: EmbeddedStore):
    kept: list[object] = []
    with pytest.raises(ZeroDivisionError):
        fail_inside_a_turn(store, kept)
    reader = """
        import sys
        from pathlib import Path
        from xmit_pipeline.store.connection import EmbeddedStore
        with EmbeddedStore(Path(sys.argv[1]), patience_seconds=5).snapshot() as connection:
            print(connection.execute("SELECT count(*) FROM list").fetchall())
    """
    with program(reader, store.path) as other:
        assert other.first_line == "[(0,)]\n"


def test_a_turn_that_never_comes_says_what_to_do(store: EmbeddedStore):
    """SPEC 9: waits, then a sentence naming the file and what to do."""
    impatient = EmbeddedStore(store.path, patience_seconds=0.5)
    sentence = r"xmit\.duckdb has been in use .*`xmit doctor`"
    with program(HOLDER, store.path), pytest.raises(StoreRefused, match=sentence), impatient.snapshot():
        pass


def test_a_foreign_program_is_named_with_its_pid(store: EmbeddedStore):
    """SPEC 9: store locked by a foreign program: the file, the holder's pid and what to do."""
    add_list(store, "ours")
    store.close()
    impatient = EmbeddedStore(store.path, patience_seconds=0.5)
    with program(FOREIGN, store.path) as foreign:
        sentence = rf"xmit\.duckdb is open in process {foreign.pid}, .*`kill {foreign.pid}`"
        with pytest.raises(StoreRefused, match=sentence), impatient.snapshot():
            pass
    assert names(store) == ["ours"]


def test_a_file_of_another_kind_is_refused_untouched(tmp_path: Path):
    """SPEC 9: a store file that is not ours: refused with a sentence, not touched."""
    path = tmp_path / "notes.duckdb"
    path.write_text("these are my notes, not a database" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match="left untouched"), EmbeddedStore(path).snapshot():
        pass
    assert path.read_bytes() == before


def test_somebody_elses_database_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "sales.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE sales (amount INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match="not an xmit store"), EmbeddedStore(path).transaction():
        pass
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused_untouched(store: EmbeddedStore):
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO xmit_migration VALUES ($number)", {"number": max(known_migrations()) + 1}
        )
    store.close()
    before = store.path.read_bytes()
    with pytest.raises(StoreRefused, match="newer xmit"), EmbeddedStore(store.path).transaction():
        pass
    assert store.path.read_bytes() == before


def test_a_snapshot_writes_nothing(store: EmbeddedStore):
    with pytest.raises(duckdb.Error), store.snapshot() as connection:
        connection.execute("DELETE FROM contact")


def test_the_file_is_let_go_after_a_quiet_second(store: EmbeddedStore):
    add_list(store, "one")
    time.sleep(1.5)
    with duckdb.connect(str(store.path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM list").fetchone() == (1,)


def test_all_times_are_utc_whatever_the_zone(tmp_path: Path):
    """PAINS H2, A25: the quota day has a declared zone."""
    code = """
        import sys
        from pathlib import Path
        from xmit_pipeline.store.connection import EmbeddedStore
        with EmbeddedStore(Path(sys.argv[1])).snapshot() as connection:
            print(connection.execute("SELECT (TIMESTAMPTZ '2026-03-02 23:30:00+00')::DATE").fetchone()[0])
    """
    for zone in ("Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"):
        environment = {**os.environ, "TZ": zone}
        answer = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / f"{zone[:3]}.duckdb")],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert answer.stdout == "2026-03-02\n"
