"""What befalls one tick, laid from inside its own process around the code as it stands: death, and a full disk.

Nothing here is known to the code that it breaks.
"""

import itertools
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from tests.faults.orders import POINTS, TickOrder, Trap
from xmit_pipeline.delivery.journal import Journal

OURS = f"{os.sep}xmit_pipeline{os.sep}"
NEVER = sys.maxsize


class MovingClock:
    """A simulated clock that moves on by `stride` seconds each time somebody looks."""

    simulated = True

    def __init__(self, moment: datetime, stride: float) -> None:
        self._next = moment
        self._stride = timedelta(seconds=stride)
        self._looking = threading.Lock()
        self._mine = threading.local()

    def now(self) -> datetime:
        with self._looking:
            self._mine.seen, self._next = self._next, self._next + self._stride
            return self._mine.seen

    def seen(self) -> datetime:
        """What this thread saw when it looked last."""
        return self._mine.seen


class LineCounter:
    """Counts the lines of ours that this process runs, in all its threads; dies at the `fatal` one."""

    def __init__(self, fatal: int = NEVER) -> None:
        self.lines = 0
        self._numbers = itertools.count(1)
        self._fatal = fatal

    def start(self) -> None:
        threading.settrace(self._called)
        sys.settrace(self._called)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002
        return self._line if OURS in frame.f_code.co_filename else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002
        if event == "line":
            self.lines = next(self._numbers)
            if self.lines == self._fatal:
                die()
        return self._line


def die() -> None:
    """As `kill -9` does it."""
    os.kill(os.getpid(), signal.SIGKILL)


def laid(order: TickOrder) -> LineCounter:
    """Lay the order's trap in this process; answers the counter of its lines, started where one is wanted."""
    trap = order.trap
    counter = LineCounter(trap.nth if trap and trap.kind == "line" else NEVER)
    if order.boot:
        for module in ("deliver", "recovery"):
            import_module(f"xmit_pipeline.delivery.{module}").boot_id = lambda: order.boot
    if trap and trap.kind == "point":
        _around(trap, die)
    if trap and trap.kind == "full":
        _around(trap, lambda: _fill_disk(trap.room))
    if trap and trap.kind == "torn":
        _tear_journal(trap.nth)
    if order.count_lines or (trap and trap.kind == "line"):
        counter.start()
    return counter


def _around(trap: Trap, befall: Callable[[], None]) -> None:
    """Something befalls us before or after the nth call of a point."""
    module_name, path = POINTS[trap.point]
    owner: Any = import_module(module_name)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    real, calls = getattr(owner, name), itertools.count(1)

    @wraps(real)
    def trapped(*given: Any, **named: Any) -> Any:
        now = next(calls) == trap.nth
        if now and trap.when == "before":
            befall()
        answer = real(*given, **named)
        if now and trap.when == "after":
            befall()
        return answer

    setattr(owner, name, trapped)


def _fill_disk(room: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))


def _tear_journal(nth: int) -> None:
    """Half of the nth line reaches the file, and we are gone."""
    real, calls = Journal.posted, itertools.count(1)

    @wraps(real)
    def torn(journal: Journal, request_id: str, at: datetime, *whom: Any) -> None:
        if next(calls) == nth:
            folder: Path = journal._folder
            with (folder / f"{datetime.now(at.tzinfo):%Y-%m-%d}.jsonl").open("ab", buffering=0) as file:
                file.write(b'\n{"request":"' + request_id[:20].encode())
            die()
        real(journal, request_id, at, *whom)

    Journal.posted = torn  # type: ignore[method-assign]
