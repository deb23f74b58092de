"""The test's end of the zygote: ticks in forked processes, one at a time or several at once."""

import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

import orjson

from tests.faults.orders import TickEnd, TickOrder

ROOT = Path(__file__).parents[2]


class Forks:
    """Runs ticks in children of a process that has everything imported; answers how they ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders: IO[bytes] = process.stdin
        self._ends: IO[bytes] = process.stdout

    def tick(self, order: TickOrder) -> TickEnd:
        """One tick."""
        [end] = self.together([order])
        return end

    def together(self, orders: Sequence[TickOrder]) -> list[TickEnd]:
        """These ticks at the same time."""
        self._orders.write(orjson.dumps([asdict(order) for order in orders]) + b"\n")
        self._orders.flush()
        line = self._ends.readline()
        assert line, "the zygote has died; what it said stands above"
        return [TickEnd(**end) for end in orjson.loads(line)]


@contextmanager
def forks(*, dagster: bool = False) -> Generator[Forks]:
    """A zygote; with `dagster` it has the definitions and the command imported as well."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.zygote", *(["dagster"] if dagster else [])]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XMIT_", "SENDGRID_"))
    }
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Forks(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
