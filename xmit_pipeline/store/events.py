"""Webhook bodies into the store, whatever their order, repetition and lateness (SPEC 7).

Each slice is read and archived without the store, then folded in one short transaction; its files are recorded in
that transaction and removed after it. What the events ask for is `store.event_consequences`' to do.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
from xmit_pipeline.store.connection import Connection, Store, offered
from xmit_pipeline.store.event_archive import archive, withdraw
from xmit_pipeline.store.event_entries import KNOWN_KINDS, Entries, read_entries
from xmit_pipeline.store.event_feedback import follow_scanner_rule, refresh_feedback
from xmit_pipeline.store.event_files import (
    Fingerprint,
    fingerprint,
    put_body_aside,
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
REMEMBERED = timedelta(days=30)
"""How long folded files are known; a file is removed seconds after it was folded."""

FACTS = (
    "kind", "email", "happened_at", "machine", "effect", "suppresses", "identity", "message_high", "message_low",
    "request_high", "request_low",
)  # fmt: skip
"""What is asked of entries while they are folded."""
WORDS = ("sg_event_id", "url", "attempt", "ip", "useragent", "response", "reason", "status", "type")

ARRIVED = f"""
CREATE OR REPLACE TEMP TABLE arrived AS
SELECT * EXCLUDE (message_high, message_low, request_high, request_low),
    {id_of("message")} AS message_id, {id_of("request")} AS request_id
FROM landed
"""  # noqa: S608  (our own column names)

MAILED = """
CREATE OR REPLACE TEMP TABLE mailed AS
SELECT message.id AS message_id, message.email, message.step_id
FROM message JOIN (SELECT DISTINCT message_id FROM arrived) AS told ON told.message_id = message.id
"""

AT_MAILED_ADDRESS = """
UPDATE arrived SET email = mailed.email
FROM mailed
WHERE arrived.message_id = mailed.message_id AND mailed.email <> '' AND arrived.email IS DISTINCT FROM mailed.email
"""
"""What acts, acts on the address that was mailed."""

KNOWN = """
CREATE OR REPLACE TEMP TABLE known AS
SELECT event.message_id, event.identity
FROM event JOIN arrived ON arrived.message_id = event.message_id AND arrived.identity = event.identity
UNION ALL
SELECT NULL, event.identity
FROM event JOIN arrived ON arrived.identity = event.identity
WHERE event.message_id IS NULL AND arrived.message_id IS NULL
"""

FORGET_KNOWN = """
DELETE FROM arrived USING known
WHERE arrived.identity = known.identity AND arrived.message_id IS NOT DISTINCT FROM known.message_id
"""

WRITE = """
INSERT INTO event (sg_event_id, kind, message_id, request_id, email, happened_at, folded_at, raw, identity, effect,
    suppresses, url, attempt, ip, useragent, response, reason, status, type, machine)
SELECT sg_event_id, kind, message_id, request_id, email, happened_at, $now, raw, identity, effect, suppresses,
    url, attempt, ip, useragent, response, reason, status, type, machine
FROM worded JOIN arrived USING (place)
"""

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
SELECT request_id, min(happened_at) AS at FROM arrived WHERE request_id IS NOT NULL GROUP BY request_id
"""

TOUCHED = """
CREATE OR REPLACE TEMP TABLE touched_message AS
SELECT DISTINCT message_id FROM arrived WHERE message_id IS NOT NULL AND effect IS NOT NULL
"""


KINDS = """
SELECT arrived.kind, count(*), count(*) FILTER (mailed.message_id IS NULL)
FROM arrived LEFT JOIN mailed ON mailed.message_id = arrived.message_id
GROUP BY arrived.kind
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
    """Bodies read and archived together: what each is, and the entries of all."""

    prints: dict[Path, Fingerprint]
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
    with staged(connection, rows):
        take_new(connection, now, report)


@contextmanager
def staged(connection: Connection, rows: pl.DataFrame) -> Generator[None]:
    """The rows as `arrived`, each content once, and the keys of those that are in the store as `known`.

    Their words stay outside, in `worded` under the same `place`: copied once, into the table that keeps them.
    """
    numbered = once_each(rows).with_row_index("place")
    raw = pl.when(~pl.col("kind").is_in(KNOWN_KINDS)).then(pl.col("raw")).alias("raw")
    worded = numbered.select("place", *WORDS, raw)
    with (
        offered(connection, "landed", numbered.select("place", *FACTS)),
        offered(connection, "worded", worded),
    ):
        connection.execute(ARRIVED)
        connection.execute(MAILED)
        connection.execute(AT_MAILED_ADDRESS)
        connection.execute(KNOWN)
        yield


def take_new(connection: Connection, now: datetime, report: FoldReport) -> None:
    """Write what is `staged` in `arrived` and not `known`."""
    connection.execute(FORGET_KNOWN)
    connection.execute(WRITE, {"now": now})
    connection.execute(ASK, {"address": ADDRESS_PATTERN})
    connection.execute(PROOF)
    prove(connection, now)
    connection.execute(TOUCHED)
    refresh_feedback(connection)
    for kind, count, orphans in connection.execute(KINDS).fetchall():
        report.kinds[kind] = report.kinds.get(kind, 0) + count
        report.orphans += orphans


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one content once."""
    return rows.unique(subset=["message_high", "message_low", "identity"], keep="any")


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
        elif (path.name, *fingerprint(path)) in found:
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
    """Each slice with its entries to come: the next one is read and archived while one is being folded."""
    with ThreadPoolExecutor(1, "xmit-read") as thread:
        ahead = deque((paths, thread.submit(_read_slice, home, paths)) for paths in slices[:1])
        for following in [*slices[1:], None]:
            paths, coming = ahead.popleft()
            if following is not None:
                ahead.append((following, thread.submit(_read_slice, home, following)))
            yield paths, coming.result


def _read_slice(home: Path, paths: Sequence[Path]) -> Slice:
    """The entries of these bodies, kept for good before the store hears of them."""
    prints = {path: fingerprint(path) for path in paths}
    found = read_entries(paths)
    if len(found.broken) < len(paths):
        archive(home, found.rows, _archive_name(prints))
    return Slice(prints, found)


def _archive_name(prints: Mapping[Path, Fingerprint]) -> str:
    """The first body's name, and what tells this slice from any other that begins with it."""
    told = "".join(f"{path.name}:{each.digest}\n" for path, each in prints.items())
    return f"{next(iter(prints)).stem}-{sha256(told.encode()).hexdigest()[:16]}"


def _fold_or_halve(
    store: Store, home: Path, paths: Sequence[Path], read: Read, now: datetime, report: FoldReport
) -> None:
    """A body whose content the store can't take must not keep the others waiting for ever, nor any replay."""
    try:
        _fold_slice(store, home, read(), now, report)
    except REFUSALS as error:
        withdraw(home, _archive_name({path: fingerprint(path) for path in paths}))
        if len(paths) == 1:
            _put_aside(home, paths[0], f"{paths[0].name} holds what the store can't take: {error}", report)
            return
        for half in (paths[: len(paths) // 2], paths[len(paths) // 2 :]):
            _fold_or_halve(store, home, half, partial(_read_slice, home, half), now, report)


def _fold_slice(store: Store, home: Path, found: Slice, now: datetime, report: FoldReport) -> None:
    rows, broken = found.entries.rows, found.entries.broken
    whole = {path: each for path, each in found.prints.items() if path not in broken}
    if whole:
        parts = list(rows.iter_slices(SLICE_ROWS))
        for part in parts[:-1]:
            with store.transaction() as connection:
                fold_rows(connection, part, now, report)
        with store.transaction() as connection:
            fold_rows(connection, parts[-1] if parts else rows, now, report)
            _record(connection, whole, rows, now)
    for path in whole:
        path.unlink(missing_ok=True)
    for path, fault in broken.items():
        _put_aside(home, path, fault, report)
    report.files += len(whole)
    report.entries += rows.height


def _put_aside(home: Path, path: Path, fault: str, report: FoldReport) -> None:
    put_body_aside(home, path, fault)
    report.refused.append(fault)


def _record(
    connection: Connection, prints: Mapping[Path, Fingerprint], rows: pl.DataFrame, now: datetime
) -> None:
    entries = dict(rows.group_by("file").len().iter_rows())
    folded = pl.DataFrame(
        [(path.name, entries.get(str(path), 0), *each) for path, each in prints.items()],
        schema={"name": pl.String, "entries": pl.Int32, "size": pl.Int64, "digest": pl.String},
        orient="row",
    )
    with offered(connection, "folded_file", folded):
        connection.execute(RECORD, {"now": now})
    connection.execute("DELETE FROM event_file WHERE folded_at < $limit", {"limit": now - REMEMBERED})
