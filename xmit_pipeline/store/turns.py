"""Fair turns at one DuckDB file among many processes and threads (DESIGN 3).

DuckDB lets one process hold a file. A turn is: take the turnstile, take the store lock behind it, let go
of the turnstile, open the file. Who waits holds the turnstile, so the holder sees that somebody waits and
gives way at once; while nobody does, it keeps the file open and spares the next turn the opening. Both
locks are the operating system's, so a death frees them.
"""

import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from xmit_pipeline.model.errors import StoreRefused

POLL_SECONDS = 0.01
"""How often a waiter asks for a lock: 50 ms would add 20 ms to every contended turn."""
GROUP_SECONDS = 0.05
"""How long a holder that sees somebody waiting may go on serving those of its own who were queued already."""
LOOK_SECONDS = 0.005
"""How often the holder looks whether somebody waits."""


class Turns:
    """The one open file of this process, opened when first wanted and closed when others want it.

    `queued`: how many of this process's own threads wait to write. `quiet_seconds`: how long an unused file
    stays open. `patience_seconds`: how long to wait for a turn, or for a foreign program's lock, before
    StoreRefused.
    """

    def __init__(
        self,
        path: Path,
        opened: Callable[[Path], duckdb.DuckDBPyConnection],
        *,
        queued: Callable[[], int],
        quiet_seconds: float = 1.0,
        patience_seconds: float = 60.0,
    ) -> None:
        self._path = path
        self._opened = opened
        self._queued = queued
        self._quiet_seconds = quiet_seconds
        self._patience_seconds = patience_seconds
        self._turnstile = FileLock(f"{path}.turnstile", thread_local=False)
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._changed = threading.Condition()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._taking = False
        self._giving_way = False
        self._users = 0
        self._looked = 0.0
        self._used = 0.0
        self._wanted: float | None = None
        self._foreigner: str | None = None

    @contextmanager
    def turn(self, patience_seconds: float | None = None) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection of its own on the open file; closed, and the file given up if wanted, at the end.

        `patience_seconds` shortens the wait of this one turn.
        """
        connection = self._enter(self._patience_seconds if patience_seconds is None else patience_seconds)
        try:
            yield connection
        finally:
            connection.close()
            self._leave()

    def close(self, patience_seconds: float | None = None) -> bool:
        """Give the file up now; waits for turns under way. False where they outlast the patience."""
        with self._changed:
            idle = self._changed.wait_for(lambda: self._users == 0 and not self._taking, patience_seconds)
            if idle:
                self._give_up()
            return idle

    def _enter(self, patience_seconds: float) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + patience_seconds
        with self._changed:
            while True:
                left = max(0.0, deadline - time.monotonic())
                if not self._changed.wait_for(lambda: not self._taking and not self._giving_way, left):
                    raise StoreRefused(self._foreigner or self._in_use(patience_seconds))
                if self._root is None:
                    break
                if self._must_give_way():
                    self._giving_way = self._users > 0
                    if not self._giving_way:
                        self._give_up()
                    continue
                return self._count_in(self._root)
            self._taking = True
        root = None
        try:
            root = self._take(deadline)
        finally:
            with self._changed:
                self._taking = False
                self._root = root
                self._changed.notify_all()
                connection = self._count_in(root) if root else None
        assert connection is not None  # noqa: S101  (an error in _take has left by now)
        threading.Thread(target=self._watch, args=(root,), name="xmit-store-turn").start()
        return connection

    def _count_in(self, root: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        connection = root.cursor()
        self._users += 1
        return connection

    def _leave(self) -> None:
        with self._changed:
            self._users -= 1
            self._used = time.monotonic()
            if self._users == 0 and (self._giving_way or self._must_give_way()):
                self._give_up()

    def _take(self, deadline: float) -> duckdb.DuckDBPyConnection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        try:
            with self._turnstile.acquire(timeout=max(0.0, deadline - began), poll_interval=POLL_SECONDS):
                self._lock.acquire(timeout=max(0.0, deadline - time.monotonic()), poll_interval=POLL_SECONDS)
        except Timeout as error:
            raise StoreRefused(self._in_use(time.monotonic() - began)) from error
        try:
            return self._open(deadline)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, deadline: float) -> duckdb.DuckDBPyConnection:
        while True:
            try:
                root = self._opened(self._path)
            except duckdb.IOException as error:
                if "lock on file" not in str(error):
                    raise StoreRefused(_unreadable(self._path, error)) from error
                self._foreigner = _held_by_foreigner(self._path, error)
                if time.monotonic() > deadline:
                    raise StoreRefused(self._foreigner) from error
                time.sleep(POLL_SECONDS)
            else:
                self._foreigner = None
                self._used = self._looked = time.monotonic()
                return root

    def _in_use(self, seconds: float) -> str:
        return (
            f"{self._path} has been in use by another xmit process for {seconds:.0f} s. "
            "Run `xmit doctor` to see which, and end it if it hangs."
        )

    def _must_give_way(self) -> bool:
        """Whether somebody outside waits, and our own group that was queued with them has been served."""
        if self._wanted is None and self._somebody_waits():
            self._wanted = time.monotonic()
        if self._wanted is None:
            return False
        return self._queued() == 0 or time.monotonic() - self._wanted > GROUP_SECONDS

    def _somebody_waits(self) -> bool:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        try:
            self._turnstile.acquire(timeout=0)
        except Timeout:
            return True
        self._turnstile.release()
        return False

    def _watch(self, root: duckdb.DuckDBPyConnection) -> None:
        """Close an open file that lies unused: at once when somebody waits, else after the quiet time.

        No daemon: a process that ends while DuckDB closes the file in one is aborted.
        """
        while threading.main_thread().is_alive():
            time.sleep(LOOK_SECONDS * 2)
            with self._changed:
                if self._root is not root:
                    return
                if self._users or self._taking:
                    continue
                if self._must_give_way() or time.monotonic() - self._used > self._quiet_seconds:
                    self._give_up()
                    return

    def _give_up(self) -> None:
        if self._root is not None:
            try:
                self._root.close()
            finally:
                self._root = None
                self._lock.release()
        self._giving_way = False
        self._wanted = None
        self._changed.notify_all()


def _held_by_foreigner(path: Path, error: duckdb.IOException) -> str:
    holder = re.search(r"PID (\d+)", str(error))
    who, kill = (f"process {holder[1]}", f"kill {holder[1]}") if holder else ("another program", "kill PID")
    return f"{path} is open in {who}, which is not xmit. Close it there (or `{kill}`) and try again."


def _unreadable(path: Path, error: duckdb.IOException) -> str:
    with suppress(OSError):
        if path.is_file() and path.stat().st_size:
            return f"{path} is not a DuckDB file that this version can read: {error}. It was left untouched."
    return f"{path} can't be opened: {error}. Check that the folder exists, is writable and has space."
