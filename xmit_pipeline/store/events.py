"""Webhook bodies into the store, whatever their order, repetition and lateness (SPEC 7).

Each slice is read and archived without the store, then folded in one short transaction; its files are recorded in
that transaction and removed after it. What the events ask for is `store.event_consequences`' to do.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection, Store, offered
from xmit_pipeline.store.event_archive import archive, withdraw
from xmit_pipeline.store.event_entries import Entries, read_entries, reader
from xmit_pipeline.store.event_feedback import follow_scanner_rule
from xmit_pipeline.store.event_files import (
    fingerprint,
    put_body_aside,
    read_bodies,
    rename_freshly,
    waiting_bodies,
)
from xmit_pipeline.store.event_rows import take_new, told_here
from xmit_pipeline.store.one_thread import Write, on_one_thread

REFUSALS = (
    duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException, pl.exceptions.PolarsError,
)  # fmt: skip
"""What a body's content may raise in the store; anything else is a fault of ours or of the machine."""
SLICE_BYTES = 40_000_000
"""Bodies read and archived together: some 80,000 events."""
SLICE_ROWS = 80_000
"""Events folded in one transaction, well under a second."""
READERS = 2
"""Slices read beside the one that is folded."""
REMEMBERED = timedelta(days=30)
"""How long folded files are known; a file is removed seconds after it was folded."""

FOLDED_BEFORE = """
SELECT name, size, digest FROM event_file WHERE name IN (SELECT unnest($names::VARCHAR[]))
"""

RECORD = """
INSERT INTO event_file (name, entries, size, digest, folded_at)
SELECT name, entries, size, digest, $now FROM folded_file
"""


@dataclass(slots=True)
class FoldReport:
    """What one fold did. `kinds`: new events by kind; `orphans`: of them, those with no message of ours."""

    files: int = 0
    entries: int = 0
    orphans: int = 0
    kinds: dict[str, int] = field(default_factory=dict[str, int])
    refused: list[str] = field(default_factory=list[str])
    note: str | None = None

    @property
    def events(self) -> int:
        """Those that were not known yet."""
        return sum(self.kinds.values())

    def count(self, new: pl.DataFrame) -> None:
        """Add what `take_new` answered, once it is committed."""
        for kind, count, orphans in new.iter_rows():
            self.kinds[kind] = self.kinds.get(kind, 0) + count
            self.orphans += orphans


@dataclass(frozen=True, slots=True)
class Slice:
    """Bodies read and archived together, as `read_bodies` tells them, and the entries of all."""

    bodies: pl.DataFrame
    entries: Entries


Read = Callable[[], Slice]


def fold_events(store: Store, settings: Settings, now: datetime) -> FoldReport:
    """Fold every body that has landed; one that can't be read is put aside with a sentence, and stops nothing.

    Where another process is folding, nothing is done and the note says so.
    """
    report = FoldReport()
    lock = events_lock(settings.home)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.note = "Another process is folding events right now; the next tick looks again."
        return report
    try:
        follow_scanner_rule(store, settings)
        slices = _slices(_unfolded(store, waiting_bodies(settings.home)))
        if slices:
            alone = len(slices) == 1
            with (
                nullcontext(store.transaction) if alone else on_one_thread(store) as write,
                closing(_read_ahead(settings.home, slices)) as ahead,
            ):
                for paths, read in ahead:
                    _fold_or_halve(write, settings.home, paths, read, now, report)
    except (OSError, duckdb.IOException) as error:
        report.note = f"Events wait on disk and could not be folded: {error}. Make room, or mend the folder."
    finally:
        lock.release()
    return report


def events_lock(home: Path) -> FileLock:
    """Held by the one process that folds or rebuilds; a death frees it."""
    home.mkdir(parents=True, exist_ok=True)
    return FileLock(home / "events.lock", thread_local=False)


def _unfolded(store: Store, paths: Sequence[Path]) -> list[Path]:
    """Bodies that are in the store already are what a death left behind: removed.

    Another body under a name that was used before is no such rest, and gets a name of its own.
    """
    if not paths:
        return []
    with store.snapshot() as connection:
        found = connection.execute(FOLDED_BEFORE, {"names": [path.name for path in paths]}).fetchall()
    names = {name for name, *_ in found}
    waiting: list[Path] = []
    for path in paths:
        if path.name not in names:
            waiting.append(path)
        elif (path.name, *fingerprint(path.read_bytes())) in found:
            path.unlink(missing_ok=True)
        else:
            waiting.append(rename_freshly(path))
    return waiting


def _slices(paths: Sequence[Path]) -> list[list[Path]]:
    slices: list[list[Path]] = []
    room = 0
    for path in paths:
        size = path.stat().st_size
        if not slices or size > room:
            slices.append([])
            room = SLICE_BYTES
        slices[-1].append(path)
        room -= size
    return slices


def _read_ahead(home: Path, slices: Sequence[list[Path]]) -> Generator[tuple[list[Path], Read]]:
    """Each slice with its entries to come: the next ones are read and archived while one is being folded."""
    with reader() as connection, ThreadPoolExecutor(READERS, "xmit-read") as threads:
        coming: deque[tuple[list[Path], Read]] = deque()
        for paths in slices:
            coming.append((paths, threads.submit(_read_slice, home, paths, connection.cursor()).result))
            if len(coming) > READERS:
                yield coming.popleft()
        yield from coming


def _read_slice(home: Path, paths: Sequence[Path], connection: Connection) -> Slice:
    """The entries of these bodies, kept for good before the store hears of them."""
    bodies = read_bodies(paths)
    found = read_entries(connection, bodies)
    if len(found.broken) < len(paths):
        archive(connection, home, bodies, found, _archive_name(bodies))
    return Slice(bodies.drop("content"), found)


def _read_again(home: Path, paths: Sequence[Path]) -> Slice:
    with reader() as connection:
        return _read_slice(home, paths, connection)


def _archive_name(bodies: pl.DataFrame) -> str:
    """The first body's name, and what tells this slice from any other that begins with it."""
    names, digests = bodies.get_column("name"), bodies.get_column("digest")
    told = "".join(f"{name}:{digest}\n" for name, digest in zip(names, digests, strict=True))
    return f"{Path(names[0]).stem}-{sha256(told.encode()).hexdigest()[:16]}"


def _fold_or_halve(
    write: Write, home: Path, paths: Sequence[Path], read: Read, now: datetime, report: FoldReport
) -> None:
    """A body whose content the store can't take must not keep the others waiting for ever, nor any replay."""
    try:
        _fold_slice(write, home, paths, read(), now, report)
    except REFUSALS as error:
        withdraw(home, _archive_name(read_bodies(paths)))
        if len(paths) == 1:
            _put_aside(home, paths[0], f"{paths[0].name} holds what the store can't take: {error}", report)
            return
        for half in (paths[: len(paths) // 2], paths[len(paths) // 2 :]):
            _fold_or_halve(write, home, half, partial(_read_again, home, half), now, report)


def _fold_slice(
    write: Write, home: Path, paths: Sequence[Path], found: Slice, now: datetime, report: FoldReport
) -> None:
    rows, broken = found.entries.rows, found.entries.broken
    if len(broken) < len(paths):
        *parts, last = list(rows.iter_slices(SLICE_ROWS)) or [rows]
        for part in parts:
            with write() as connection:
                new = take_new(connection, told_here(connection, part), now)
            report.count(new)
        with write() as connection:
            new = take_new(connection, told_here(connection, last), now)
            _record(connection, found, now)
        report.count(new)
    for number, path in enumerate(paths):
        if number in broken:
            _put_aside(home, path, f"{path.name} holds no events that can be read: {broken[number]}", report)
        else:
            path.unlink(missing_ok=True)
    report.files += len(paths) - len(broken)
    report.entries += rows.height


def _put_aside(home: Path, path: Path, fault: str, report: FoldReport) -> None:
    put_body_aside(home, path, fault)
    report.refused.append(fault)


def _record(connection: Connection, found: Slice, now: datetime) -> None:
    rows, broken = found.entries.rows, found.entries.broken
    counts = rows.group_by("body").agg(entries=pl.len())
    folded = (
        found.bodies.select("name", "size", "digest")
        .with_row_index("body")
        .filter(~pl.col("body").is_in(broken))
        .join(counts, on="body", how="left")
        .with_columns(pl.col("entries").fill_null(0))
    )
    with offered(connection, "folded_file", folded):
        connection.execute(RECORD, {"now": now})
    connection.execute("DELETE FROM event_file WHERE folded_at < $limit", {"limit": now - REMEMBERED})
