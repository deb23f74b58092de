"""Unsubscribe wishes on disk: kept before anybody is told that they were taken in (SPEC 7, Unsubscribe).

A wish is an empty-handed thing: its file's name says which message's link was used, and whose it is; only the API
writes here, after it has verified the token. What becomes of a wish is `store.wishes`.
"""

import os
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from xmit_pipeline.model.tokens import Wish
from xmit_pipeline.store.durable import make_folder, sync_folder

FOLDER = Path("landing") / "unsubscribes"
UNKNOWN = "unknown"
"""Below the folder: wishes about mail that the store does not know (a restored backup); looked at again later."""
DONE = "done"
"""Below the folder: wishes that a store has, kept as long as the journal, for a backup that has not heard of them."""
FORGED = "forged"
"""Below the folder: what a bad token writes in place of a wish, so that it takes as long."""

_ENDING = ".wish"
_NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(_ENDING)}")
_GRAIN_NS = 100_000_000
"""Two changes of a folder this close may leave one and the same time on it (a kernel's tick is 1 to 10 ms)."""


def keep_wish(home: Path, wish: Wish | None) -> None:
    """Make a wish survive a death and a power loss; None does the same work and keeps nothing. OSError if it can't.

    Repeats replace the file by the same one.
    """
    folder = home / FOLDER if wish else home / FOLDER / FORGED
    make_folder(folder)
    fresh = folder / f".{uuid4().hex}.part"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, f"{time.time():.0f}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(folder / (_name_of(wish) if wish else f"none{_ENDING}"))
    sync_folder(folder)


def wish_waits(home: Path) -> bool:
    """Whether a wish waits to be folded: one look into one folder."""
    return bool(_whole(home / FOLDER))


def waiting_wishes(home: Path) -> dict[Path, Wish]:
    """All that are not folded yet, those of unknown mail among them."""
    return _wishes((home / FOLDER, home / FOLDER / UNKNOWN))


def folded_wishes(home: Path) -> dict[Path, Wish]:
    """All that a store has, or had before an older one was put in its place."""
    return _wishes((home / FOLDER / DONE,))


def put_wishes_away(folded: set[Path], unknown: set[Path]) -> None:
    """Keep what the store has, set aside what it does not know. Whoever else did so first was right too."""
    for path in folded:
        _put(path, _below(path, DONE))
    for path in unknown:
        if path.parent.name != UNKNOWN:
            _put(path, _below(path, UNKNOWN))


def let_wishes_wait(home: Path, paths: Iterable[Path]) -> None:
    """Folded ones wait again: the store does not have them after all."""
    for path in paths:
        _move(path, home / FOLDER / path.name)
    if (home / FOLDER).exists():
        sync_folder(home / FOLDER)


def prune_wishes(home: Path, before: float) -> None:
    """Drop folded ones that were made before then, Unix time."""
    for path in folded_wishes(home):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def last_change(home: Path) -> int | None:
    """When a wish last came or went, in ns; 0: never. None: so lately that a later change might show the same time."""
    try:
        changed = (home / FOLDER).stat().st_mtime_ns
    except FileNotFoundError:
        return 0
    return None if abs(time.time_ns() - changed) < _GRAIN_NS else changed


def note_way_out(home: Path) -> None:
    """Somebody left by another door than their link: a tick that is posting looks at the store again (SPEC 6.4)."""
    folder = home / FOLDER
    make_folder(folder)
    os.utime(folder)


def _name_of(wish: Wish) -> str:
    return f"{wish.message_id.hex}{wish.contact_id.hex}{_ENDING}"


def _wish_of(name: str) -> Wish:
    return Wish(UUID(name[:32]), UUID(name[32:64]))


def _wishes(folders: Sequence[Path]) -> dict[Path, Wish]:
    return {folder / name: _wish_of(name) for folder in folders for name in _whole(folder)}


def _below(path: Path, name: str) -> Path:
    """A folder below that of the wishes, also for one that stands below it already."""
    folder = path.parent.parent if path.parent.name == UNKNOWN else path.parent
    return folder / name


def _put(path: Path, folder: Path) -> None:
    make_folder(folder)
    _move(path, folder / path.name)


def _whole(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if _NAME.fullmatch(entry.name))
    except FileNotFoundError:
        return []


def _move(path: Path, target: Path) -> None:
    try:
        path.replace(target)
    except FileNotFoundError:
        return
