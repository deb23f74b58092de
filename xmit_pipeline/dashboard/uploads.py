"""Contact files that were sent here, and what became of each: a folder a file in XMIT_HOME/uploads.

The record beside the file is all that is known of an import; a lock that dies with its process says whether it runs.
"""

import re
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from uuid import UUID

import orjson
from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from xmit_pipeline.model.errors import Conflict, NotFound
from xmit_pipeline.model.ids import new_id

FOLDER = "uploads"
RECORD = "import.json"
REFUSED = "refused.csv"
LOCK = "lock"
KEPT = 50
"""Imports that the page lists; older ones stay until somebody forgets them."""

FRESH_SECONDS = 60
"""So young a folder is left alone: its upload may not hold its lock yet."""

_ID = re.compile(r"[0-9a-f]{32}")


class ImportState(StrEnum):
    """`RUNNING` is what was written last: where its lock is free it was interrupted."""

    UPLOADED = "uploaded"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Counts:
    """What an import did, in contacts; `rows`, `refused` and `repeated` are the file's own."""

    rows: int = 0
    staged: int = 0
    refused: int = 0
    repeated: int = 0
    created: int = 0
    known: int = 0
    joined: int = 0
    enrolled: int = 0


@dataclass(slots=True)
class ImportRecord:
    """One file and its import. `columns`: header and what it becomes; `overrides`: as `xmit import --map` has them."""

    id: str
    name: str
    size: int
    by: str
    uploaded_at: datetime
    headers: list[str] = field(default_factory=list[str])
    examples: list[list[str]] = field(default_factory=list[list[str]])
    state: ImportState = ImportState.UPLOADED
    overrides: dict[str, str] = field(default_factory=dict[str, str])
    columns: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    list_id: UUID | None = None
    list_name: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    fault: str | None = None

    @property
    def done(self) -> int:
        """Contacts that are in by now, of `counts.staged`."""
        return self.counts.created + self.counts.known

    @property
    def told_size(self) -> str:
        """`3 MB`, `12 KB`."""
        return f"{self.size >> 20:,} MB" if self.size >= 1 << 20 else f"{max(1, self.size >> 10):,} KB"


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of all uploads of one home."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / FOLDER

    def begin(self, name: str) -> tuple[str, Path]:
        """A new upload's id, and the path that its bytes go to."""
        upload_id = new_id().hex
        folder = self.folder / upload_id
        folder.mkdir(parents=True, mode=0o700)
        return upload_id, folder / f"contacts{_suffix(name)}"

    def file_of(self, record: ImportRecord) -> Path:
        """Where a file's bytes are; they go once it is imported."""
        return self.folder / record.id / f"contacts{_suffix(record.name)}"

    def refused_of(self, upload_id: str) -> Path:
        """The report of an import's refused rows."""
        return self._folder_of(upload_id) / REFUSED

    def keep(self, record: ImportRecord) -> None:
        """Write a record, whole or not at all."""
        path = self.folder / record.id / RECORD
        fresh = path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(record))
        fresh.replace(path)

    def get(self, upload_id: str) -> ImportRecord:
        """An import as it stands now; NotFound where there is none."""
        path = self._folder_of(upload_id) / RECORD
        if not path.is_file():
            raise NotFound("There is no such import; its file may have been forgotten.")
        record = _records().validate_json(path.read_bytes())
        if record.state is ImportState.RUNNING and not self._is_held(upload_id):
            # it may have ended between the look at its record and the look at its lock
            record = _records().validate_json(path.read_bytes())
            if record.state is ImportState.RUNNING:
                record.state = ImportState.INTERRUPTED
        return record

    def latest(self) -> list[ImportRecord]:
        """The imports that were begun last, newest first."""
        if not self.folder.is_dir():
            return []
        names = sorted((path.parent.name for path in self.folder.glob(f"*/{RECORD}")), reverse=True)
        return [self.get(name) for name in names[:KEPT]]

    def forget(self, upload_id: str) -> None:
        """Remove file, record and report. Conflict while it runs."""
        folder = self._folder_of(upload_id)
        with self.held(upload_id):
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what is left of uploads that never came to their end; for when a new one begins."""
        for folder in self.folder.glob("*"):
            with suppress(FileNotFoundError, NotFound):  # another upload sweeps at the same time
                if self._is_left_over(folder):
                    shutil.rmtree(folder, ignore_errors=True)

    def hold(self, upload_id: str) -> FileLock:
        """Take an import for this process; release the lock when it is over. Conflict where somebody has it."""
        lock = FileLock(self._folder_of(upload_id) / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0.2)
        except Timeout as error:
            raise Conflict("This file is being taken in right now; wait until that has ended.") from error
        return lock

    @contextmanager
    def held(self, upload_id: str) -> Generator[None]:
        """The same for the length of a block."""
        lock = self.hold(upload_id)
        try:
            yield
        finally:
            lock.release()

    def _is_left_over(self, folder: Path) -> bool:
        if not _ID.fullmatch(folder.name) or (folder / RECORD).exists():
            return False
        return time.time() - folder.stat().st_mtime > FRESH_SECONDS and not self._is_held(folder.name)

    def _is_held(self, upload_id: str) -> bool:
        try:
            self.hold(upload_id).release()
        except Conflict:
            return True
        return False

    def _folder_of(self, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id) or not (self.folder / upload_id).is_dir():
            raise NotFound("There is no such import; its file may have been forgotten.")
        return self.folder / upload_id


@cache
def _records() -> TypeAdapter[ImportRecord]:
    return TypeAdapter(ImportRecord)


def _suffix(name: str) -> str:
    """The only part of a foreign file name that ever becomes part of a path of ours."""
    return ".parquet" if name.lower().endswith((".parquet", ".pq")) else ".csv"
