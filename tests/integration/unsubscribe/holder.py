"""Another process that holds the store, as a long tick or a hanging command would."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_store(database: Path) -> Generator[None]:
    """The store's lock belongs to somebody else until this ends."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, f"{database}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline().strip() == "held"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()
