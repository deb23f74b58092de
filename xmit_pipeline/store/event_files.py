"""Webhook bodies on disk: kept before SendGrid is answered, and put aside where they can't be read (SPEC 7).

Knows names and folders; what is in a body is `store.event_entries`.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import polars as pl

from xmit_pipeline.store.durable import make_folder, sync_folder

FOLDER = Path("landing") / "events"
REFUSED = Path("landing") / "refused"
_ENDING = ".json"


class Fingerprint(NamedTuple):
    """What tells one body from another, whatever their names: bytes, and SHA-256 of them."""

    size: int
    digest: str


def keep_body(home: Path, body: bytes) -> Path:
    """Make a body survive a death and a power loss; OSError where it can't. The name says when it came."""
    folder = home / FOLDER
    make_folder(folder)
    path = folder / _fresh_name(time.time_ns())
    fresh = folder / f".{path.name}.part"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(descriptor)
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return path


def events_wait(home: Path) -> bool:
    """Whether a body waits to be folded: one look into one folder."""
    return any(True for _ in _whole(home))


def waiting_bodies(home: Path) -> list[Path]:
    """All whole bodies, in the order in which they came."""
    return sorted(_whole(home))


def fingerprint(body: bytes) -> Fingerprint:
    """Of a whole body."""
    return Fingerprint(len(body), hashlib.sha256(body).hexdigest())


def read_bodies(paths: Sequence[Path]) -> pl.DataFrame:
    """Whole bodies on disk: name, content (bytes), received_at, and their `Fingerprint`; OSError.

    A body came when its name says, else at the file's own time.
    """
    contents = [path.read_bytes() for path in paths]
    prints = [fingerprint(content) for content in contents]
    return pl.DataFrame(
        {
            "name": [path.name for path in paths],
            "content": contents,
            "received_at": [datetime.fromtimestamp(_received_ns(path) / 1e9, UTC) for path in paths],
            "size": [each.size for each in prints],
            "digest": [each.digest for each in prints],
        },
        schema={
            "name": pl.String,
            "content": pl.Binary,
            "received_at": pl.Datetime("us", "UTC"),
            "size": pl.Int64,
            "digest": pl.String,
        },
    )


def rename_freshly(path: Path) -> Path:
    """Give a waiting body a name that no other ever had; it says when the body came, as before."""
    fresh = path.with_name(_fresh_name(_received_ns(path)))
    path.rename(fresh)
    return fresh


def put_body_aside(home: Path, path: Path, fault: str) -> None:
    """Move a body that can't be read to `landing/refused/`, with the sentence beside it; in nobody's place."""
    folder = home / REFUSED
    make_folder(folder)
    kept = folder / f"events-{path.name}"
    if kept.exists():
        kept = folder / f"events-{_fresh_name(_received_ns(path))}"
    path.replace(kept)
    kept.with_name(f"{kept.name}.txt").write_text(f"{fault}\n", encoding="utf-8", errors="backslashreplace")


def _fresh_name(received_ns: int) -> str:
    return f"{received_ns:020d}-{uuid4().hex}{_ENDING}"


def _received_ns(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isdecimal() and len(digits) <= 20 else path.stat().st_mtime_ns  # noqa: PLR2004


def _whole(home: Path) -> list[Path]:
    try:
        with os.scandir(home / FOLDER) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.endswith(_ENDING) and not entry.name.startswith(".") and entry.is_file()
            ]
    except OSError:
        return []  # a folder that can't be read must not stop the sending; the doctor tells
