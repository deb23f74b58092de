"""When API keys were changed last, beside the store: servers look at a file's time, and not into the store."""

import os
from pathlib import Path


def note_key_change(store_path: Path) -> None:
    """After a transaction that made or revoked a key: servers read the keys anew with their next call."""
    stamp = _stamp_of(store_path)
    stamp.touch()
    # two changes within one tick of the file system's clock must still differ
    seen = stamp.stat().st_mtime_ns
    os.utime(stamp, ns=(seen, seen + 1))


def key_stamp(store_path: Path) -> int:
    """A number that differs once keys were changed; 0 where none ever were."""
    try:
        return _stamp_of(store_path).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _stamp_of(store_path: Path) -> Path:
    return store_path.with_name(f"{store_path.name}.keys")
