"""Webhook bodies into the store, whatever their order, repetition and lateness (SPEC 7).

Each slice is read and archived without the store, then folded in one short transaction; its files are recorded in
that transaction and removed after it. What the events ask for is `store.event_consequences`' to do.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from xmit_pipeline.model.addresses import ADDRESS_PATTERN
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection, Store, frame, offered
from xmit_pipeline.store.event_archive import archive, withdraw
from xmit_pipeline.store.event_entries import KNOWN_KINDS, Entries, read_entries, reader
from xmit_pipeline.store.event_feedback import follow_scanner_rule, refresh_feedback
from xmit_pipeline.store.event_files import (
    fingerprint,
    put_body_aside,
    read_bodies,
    rename_freshly,
    waiting_bodies,
)
from xmit_pipeline.store.event_ids import id_of
from xmit_pipeline.store.unknown import prove

REFUSALS = (
    duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException, pl.exceptions.PolarsError,
)  # fmt: skip
"""What a body's content may raise in the store; anything else is a fault of ours or of the machine."""
SLICE_BYTES = 40_000_000
"""Bodies folded in one transaction: some 80,000 events, well under a second."""
SLICE_ROWS = 80_000
READERS = 2
HALVES = ("message_high", "message_low", "request_high", "request_low")
KEY = ("message_high", "message_low", "identity")
"""Two entries that agree in these say the same."""
REMEMBERED = timedelta(days=30)
"""How long folded files are known; a file is removed seconds after it was folded."""

PUBLIC_IDS = f"SELECT {id_of('message')} AS message_id, {id_of('request')} AS request_id FROM landed"

MAILED = """
SELECT landed.place, message.email AS mailed_to
FROM message JOIN landed ON landed.message_id::UUID = message.id
"""

KNOWN = """
CREATE OR REPLACE TEMP TABLE known AS
SELECT landed.place, event.message_id, event.identity, event.folded_at
FROM event JOIN landed ON landed.message_id::UUID = event.message_id AND landed.identity = event.identity
UNION ALL
SELECT landed.place, NULL, event.identity, event.folded_at
FROM event JOIN landed ON landed.identity = event.identity
WHERE event.message_id IS NULL AND landed.message_id IS NULL
"""

FACTS = ("email", "happened_at", "kind", "effect", "suppresses", "message_id", "request_id")
"""What is asked of new entries more than once."""
AS_TOLD = """sg_event_id, kind, email, happened_at, identity, effect, suppresses, url, attempt, ip, useragent,
    response, reason, status, type, machine"""

WRITE = f"""
INSERT INTO event (message_id, request_id, raw, folded_at, {AS_TOLD})
SELECT message_id::UUID, request_id::UUID, CASE WHEN kind NOT IN {KNOWN_KINDS} THEN raw END, {{folded_at}},
    {AS_TOLD}
FROM {{rows}}
"""  # noqa: S608  (our own column names)

ASK = """
INSERT INTO event_consequence (email, what, happened_at, listed)
SELECT email, suppresses, happened_at, kind = 'dropped' FROM arrived
WHERE suppresses IS NOT NULL AND regexp_full_match(email, $address)
UNION ALL
SELECT email, 'soft', happened_at, false FROM arrived
WHERE regexp_full_match(email, $address) AND (effect = 'soft' OR (effect = 'delivered'
    AND email IN (SELECT email FROM suppression WHERE source = 'soft_bounces' AND lifted_at IS NULL)))
"""
"""Nothing where no address is named. A late delivery may break the row of bounces that one was suppressed for."""

PROOF = """
CREATE OR REPLACE TEMP TABLE proof AS
SELECT DISTINCT request_id::UUID AS request_id FROM arrived WHERE request_id IS NOT NULL
"""

TOUCHED = """
CREATE OR REPLACE TEMP TABLE touched_message AS
SELECT DISTINCT message_id::UUID AS message_id FROM arrived WHERE message_id IS NOT NULL AND effect IS NOT NULL
"""

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
        for paths, read in _read_ahead(settings.home, slices) if slices else ():
            _fold_or_halve(store, settings.home, paths, read, now, report)
    except OSError as error:
        report.note = f"Events wait on disk and could not be folded: {error}. Make room, or mend the folder."
    finally:
        lock.release()
    return report


def events_lock(home: Path) -> FileLock:
    """Held by the one process that folds or rebuilds; a death frees it."""
    home.mkdir(parents=True, exist_ok=True)
    return FileLock(home / "events.lock", thread_local=False)


def fold_rows(connection: Connection, rows: pl.DataFrame, now: datetime, report: FoldReport) -> None:
    """Write down what is new among rows of `store.event_entries`, and all that follows from it for messages."""
    take_new(connection, told_here(connection, rows), now, report)


def told_here(connection: Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """Each content once, with its ids as bytes, at the address that was mailed: what acts, acts on that one.

    `place` tells rows apart; those that are in the store are `known (place, message_id, identity, folded_at)`.
    `mailed_to` is null where no message of ours is meant.
    """
    rows = once_each(rows)
    with offered(connection, "landed", rows.select(HALVES)):
        rows = rows.drop(HALVES).hstack(frame(connection, PUBLIC_IDS)).with_row_index("place")
    with offered(connection, "landed", rows.select("place", "message_id", "identity")):
        connection.execute(KNOWN)
        mailed = frame(connection, MAILED)
    rows = rows.hstack(
        rows.select("place").join(mailed, on="place", how="left", maintain_order="left").drop("place")
    )
    mailed_to = pl.col("mailed_to")
    return rows.with_columns(email=pl.when(mailed_to != "").then(mailed_to).otherwise("email"))


def take_new(connection: Connection, rows: pl.DataFrame, now: datetime, report: FoldReport) -> None:
    """Write those of `told_here` that are not `known`."""
    known = frame(connection, "SELECT place FROM known")
    if known.height:
        rows = rows.join(known, on="place", how="anti")
    with offered(connection, "worded", rows):
        connection.execute(WRITE.format(folded_at="$now", rows="worded"), {"now": now})
    with offered(connection, "arrived", rows.select(FACTS)):
        connection.execute(ASK, {"address": ADDRESS_PATTERN})
        connection.execute(PROOF)
        connection.execute(TOUCHED)
    prove(connection, now)
    refresh_feedback(connection)
    kinds = rows.group_by("kind").agg(count=pl.len(), orphans=pl.col("mailed_to").null_count())
    for kind, count, orphans in kinds.iter_rows():
        report.kinds[kind] = report.kinds.get(kind, 0) + count
        report.orphans += orphans


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one content once."""
    if rows.get_column("identity").n_unique() == rows.height:
        return rows
    return rows.unique(subset=KEY, keep="any")


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


def _read_ahead(home: Path, slices: Sequence[list[Path]]) -> Iterator[tuple[list[Path], Read]]:
    """Each slice with its entries to come: the next two are read and archived while one is being folded."""
    with ThreadPoolExecutor(READERS, "xmit-read") as threads, reader() as connection:

        def begin(paths: list[Path]) -> tuple[list[Path], Read]:
            return paths, threads.submit(_read_slice, home, paths, connection.cursor()).result

        begun = deque(begin(paths) for paths in slices[:READERS])
        for following in [*slices[READERS:], *[None] * READERS]:
            if not begun:
                break
            paths, coming = begun.popleft()
            if following is not None:
                begun.append(begin(following))
            yield paths, coming


def _read_slice(home: Path, paths: Sequence[Path], connection: Connection) -> Slice:
    """The entries of these bodies, kept for good before the store hears of them."""
    bodies = read_bodies(paths)
    found = read_entries(connection, bodies)
    if len(found.broken) < len(paths):
        archive(connection, home, bodies, found, _archive_name(bodies))
    return Slice(bodies, found)


def _archive_name(bodies: pl.DataFrame) -> str:
    """The first body's name, and what tells this slice from any other that begins with it."""
    names, digests = bodies.get_column("name"), bodies.get_column("digest")
    told = "".join(f"{name}:{digest}\n" for name, digest in zip(names, digests, strict=True))
    return f"{Path(names[0]).stem}-{sha256(told.encode()).hexdigest()[:16]}"


def _fold_or_halve(
    store: Store, home: Path, paths: Sequence[Path], read: Read, now: datetime, report: FoldReport
) -> None:
    """A body whose content the store can't take must not keep the others waiting for ever, nor any replay."""
    try:
        _fold_slice(store, home, paths, read(), now, report)
    except REFUSALS as error:
        withdraw(home, _archive_name(read_bodies(paths)))
        if len(paths) == 1:
            _put_aside(home, paths[0], f"{paths[0].name} holds what the store can't take: {error}", report)
            return
        for half in (paths[: len(paths) // 2], paths[len(paths) // 2 :]):
            _fold_or_halve(store, home, half, partial(_read_slice, home, half, reader()), now, report)


def _fold_slice(
    store: Store, home: Path, paths: Sequence[Path], found: Slice, now: datetime, report: FoldReport
) -> None:
    rows, broken = found.entries.rows, found.entries.broken
    if len(broken) < len(paths):
        *parts, last = list(rows.iter_slices(SLICE_ROWS)) or [rows]
        for part in parts:
            with store.transaction() as connection:
                fold_rows(connection, part, now, report)
        with store.transaction() as connection:
            fold_rows(connection, last, now, report)
            _record(connection, found, now)
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
