"""One `xmit up` a home: two daemons would start every tick twice, and the demo would be rebuilt under one."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from xmit_pipeline.model.errors import Conflict

LOCK = "up.lock"
SURROUNDINGS = "up.json"
TOLD = ("SENDGRID_HOST", "XMIT_PUBLIC_URL", "XMIT_DATABASE")


@contextmanager
def home_in_use(home: Path, environment: Mapping[str, str] | None = None) -> Generator[None]:
    """Hold a home for as long as its programs run; Conflict where another process does. A death frees it.

    What `environment` says of addresses is left there for `surroundings`; never a key or a secret.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Conflict(
            f"Another `xmit up` or `xmit demo` works on {home}; end that one first, or set XMIT_HOME to another folder."
        ) from error
    try:
        told = {name: environment[name] for name in TOLD} if environment else {}
        (home / SURROUNDINGS).write_bytes(orjson.dumps(told))
        yield
    finally:
        lock.release()


def surroundings(home: Path) -> dict[str, str] | None:
    """The addresses that a running `xmit up` works with, or None where none runs on this home."""
    lock = FileLock(home / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return orjson.loads((home / SURROUNDINGS).read_bytes())
    lock.release()
    return None
