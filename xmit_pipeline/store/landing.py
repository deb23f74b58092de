"""The landing zone: files dropped into `XMIT_HOME/landing` become contacts and members (SPEC 2, DESIGN 3).

A file is recorded in the transaction that writes its last rows, and moved away afterwards. A death between the two
is harmless, and so is a folder that nothing can be moved to: the file is known again, and only moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from filelock import Timeout

from xmit_pipeline.model.errors import BadInput, XmitError
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, Store, rows_as_dicts
from xmit_pipeline.store.landing_files import (
    Folder,
    LandedFile,
    examined,
    list_name_of,
    put_away,
    put_away_to,
    shortened,
    shown_name,
    unusable_folders,
    waiting_files,
)
from xmit_pipeline.store.list_feeds import Aim, Folded, fold_file, folding

RECORD = """
INSERT INTO landing_file (id, folder, name, list_name, size, modified_ns, sha256, rows, refused, created, joined,
    gone, waiting, fault, folded_at, inode)
VALUES ($id, $folder, $name, $list_name, $size, $modified_ns, $sha256, $rows, $refused, $created, $joined,
    $gone, $waiting, $fault, $now, $inode)
"""

TAKEN = """
SELECT fault FROM landing_file
WHERE folder = $folder AND sha256 = $sha256 AND modified_ns = $modified_ns
  AND (name = $name AND inode = $inode
    OR id = (SELECT max(id) FROM landing_file
        WHERE folder = $folder AND list_name IS NOT DISTINCT FROM $list_name))
ORDER BY id DESC
LIMIT 1
"""
"""The same bytes of the same time: in the very same place, or the last that was taken for this list.

The same bytes in a new place are news where others came between: a list goes back to what it was.
"""

COUNTED = ("rows", "refused", "created", "joined", "gone", "waiting")
NOTHING: dict[str, int] = dict.fromkeys(COUNTED, 0)


@dataclass(frozen=True, slots=True)
class LandingOutcome:
    """One file: what it did, in contacts, or why nothing was done with it."""

    folder: Folder
    name: str
    counts: dict[str, int]
    told: str | None = None

    @property
    def row(self) -> dict[str, object]:
        """For a table that people read."""
        return {"folder": self.folder.value, "file": self.name, **self.counts, "note": self.told}


@dataclass(frozen=True, slots=True)
class LandingReport:
    """All files that were looked at, in order; `note` says what kept others from being looked at."""

    files: tuple[LandingOutcome, ...]
    note: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The sums over all files."""
        return {name: sum(file.counts[name] for file in self.files) for name in COUNTED}


class _StillWrittenError(XmitError):
    """Somebody writes to the file: it waits for the next time."""


def fold_landing(
    store: Store, home: Path, now: datetime, folders: Sequence[Folder] = tuple(Folder)
) -> LandingReport:
    """Take in every whole file of these folders; one that can't be taken stops no other.

    Where another process is folding, nothing is done and the note says so.
    """
    try:
        with folding(home, patience_seconds=0):
            unusable = unusable_folders(home)
            files = tuple(
                _fold(store, home, path, folder, now)
                for folder in folders
                for path in waiting_files(home, folder)
            )
    except Timeout:
        return LandingReport((), "Another process is folding files right now; the next tick looks again.")
    note = f"{unusable[0]} can't be read and written; check its owner and rights." if unusable else None
    return LandingReport(files, note)


def _fold(store: Store, home: Path, path: Path, folder: Folder, now: datetime) -> LandingOutcome:
    """One file, whatever is wrong with it: it must not stop the tick."""
    try:
        return _take(store, home, examined(path, folder), now)
    except (BadInput, _StillWrittenError) as fault:
        told = str(fault)
    except OSError as error:
        told = f"{error.strerror}: the report of its refused rows could not be written."
    return LandingOutcome(folder, shown_name(path), NOTHING, told)


def _take(store: Store, home: Path, file: LandedFile, now: datetime) -> LandingOutcome:
    try:
        aim = _aim(file)
    except BadInput as fault:
        return _refuse(store, home, file, Aim(), str(fault), now)
    known = _taken_before(store, file, aim)
    if known:
        stuck = _moved(home, file, now, known["fault"])
        told = stuck or "It was dealt with before, and is now moved away."
        return LandingOutcome(file.folder, file.name, NOTHING, told)
    try:
        folded = fold_file(
            store, file.path, aim, now,
            once_staged=partial(_once_staged, home, file, now),
            at_last=partial(_record_folded, file, aim, now),
        )  # fmt: skip
    except BadInput as fault:
        _insist_unchanged(file)
        return _refuse(store, home, file, aim, str(fault), now)
    return LandingOutcome(file.folder, file.name, folded.counts, _moved(home, file, now))


def _aim(file: LandedFile) -> Aim:
    if file.folder is Folder.CONTACTS:
        return Aim()
    return Aim(list_name_of(file.path), whole=file.folder is Folder.LISTS)


def _taken_before(store: Store, file: LandedFile, aim: Aim) -> dict[str, str | None] | None:
    """The record of this very file, where it was dealt with and could not be moved away, for a death or otherwise."""
    with store.snapshot() as connection:
        parameters = {
            "folder": file.folder,
            "name": file.name,
            "list_name": aim.list_name,
            "sha256": file.sha256,
            "modified_ns": file.modified_ns,
            "inode": file.place,
        }
        return next(iter(rows_as_dicts(connection, TAKEN, parameters)), None)


def _once_staged(home: Path, file: LandedFile, now: datetime, folded: Folded) -> None:
    _insist_unchanged(file)
    if not folded.refused.is_empty():
        reports = home / "reports"
        reports.mkdir(parents=True, exist_ok=True)
        folded.refused.write_csv(reports / f"refused-{file.stamp(now)}-{shortened(Path(file.name).stem)}.csv")


def _insist_unchanged(file: LandedFile) -> None:
    if not file.unchanged():
        raise _StillWrittenError(
            "It is still being written; the next tick takes it. Write files under a name that begins with a dot, "
            "and rename them when they are whole."
        )


def _refuse(
    store: Store, home: Path, file: LandedFile, aim: Aim, fault: str, now: datetime
) -> LandingOutcome:
    with store.transaction() as connection:
        _record(connection, file, aim, NOTHING, fault, now)
    stuck = _moved(home, file, now, fault)
    return LandingOutcome(file.folder, file.name, NOTHING, f"{fault} {stuck}" if stuck else fault)


def _moved(home: Path, file: LandedFile, now: datetime, fault: str | None = None) -> str | None:
    """Moves a file away that was dealt with; answers the sentence where it stays."""
    try:
        put_away(home, file, now, fault)
    except OSError as error:
        return (
            f"It was dealt with, but can't be moved to landing/{put_away_to(fault)}: {error.strerror}. "
            "It is passed over until it can."
        )
    return None


def _record_folded(file: LandedFile, aim: Aim, now: datetime, connection: Connection, folded: Folded) -> None:
    _record(connection, file, aim, folded.counts, None, now)


def _record(
    connection: Connection,
    file: LandedFile,
    aim: Aim,
    counts: dict[str, int],
    fault: str | None,
    now: datetime,
) -> None:
    connection.execute(
        RECORD,
        {
            "id": new_id(),
            "folder": file.folder,
            "name": file.name,
            "list_name": aim.list_name,
            "size": file.size,
            "modified_ns": file.modified_ns,
            "sha256": file.sha256,
            "inode": file.place,
            **counts,
            "fault": fault,
            "now": now,
        },
    )
