"""Webhook bodies on disk: kept before SendGrid is answered, and put aside where they can't be read (SPEC 7).

Knows names and folders; what is in a body is `store.event_entries`.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

FOLDER = Path("landing") / "events"
REFUSED = Path("landing") / "refused"
_ENDING = ".json"


def keep_body(home: Path, body: bytes) -> Path:
    """Make a body survive a death and a power loss; OSError where it can't. The name says when it came."""
    folder = home / FOLDER
    _make(folder)
    path = folder / f"{time.time_ns():020d}-{uuid4().hex}{_ENDING}"
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


def received_at(path: Path) -> datetime:
    """When a body came: its name says it, else the file's own time."""
    digits = path.name.partition("-")[0]
    nanoseconds = int(digits) if digits.isdecimal() and len(digits) <= 20 else path.stat().st_mtime_ns  # noqa: PLR2004
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def put_body_aside(home: Path, path: Path, fault: str) -> None:
    """Move a body that can't be read to `landing/refused/`, with the sentence beside it."""
    folder = home / REFUSED
    _make(folder)
    kept = folder / f"events-{path.name}"
    path.replace(kept)
    kept.with_name(f"{kept.name}.txt").write_text(f"{fault}\n", encoding="utf-8", errors="backslashreplace")


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def _make(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)
