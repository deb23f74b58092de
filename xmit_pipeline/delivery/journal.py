"""The worker's journal: what may have left this machine (SPEC 6.2, 6.7, 6.10).

A request is on disk, with whom it goes to, before its first byte is on the wire; an answer that proves "not sent"
is on disk before anything waits; one that accepts is noted too. It tells a later tick what a dead one may have
posted, and a restored store what it has forgotten. One file a UTC day, in `XMIT_HOME/journal/`, one JSON object a
line; a line begins with its line break, so that one torn by a crash spoils only itself. The order of the files' names
is the order of their lines, whatever the clock did: while it says less than the newest name, the name goes on from
there (`2026-04-01.2026-03-02.jsonl`: written on 2 March, after a clock that said April).
"""

import errno
import mmap
import os
import re
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from xmit_pipeline.model.ids import made_at
from xmit_pipeline.store.durable import sync_folder

KEEP = timedelta(days=30)
"""A backup older than this can't be reconciled, unless less was posted since than fills `KEEP_FILES`."""
KEEP_FILES = 31
"""Kept for ever, whatever a clock says: the days on which something was posted last."""
SLACK = timedelta(days=1)
"""How far the clock may have been set back between an id's making and its line."""
SETTLES_NS = 100_000_000
"""File systems tell times by ticks of some milliseconds."""
LAST_FILES = 2
"""Of what a tick that died left, the lines stand at the end, whatever the clock did."""

_NAME = re.compile(r"\d{4}-\d\d-\d\d(\.\d{4}-\d\d-\d\d)?")


class Entry(StrEnum):
    POSTED = "posted"
    NOT_SENT = "not_sent"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Line:
    """The last word on one request; `at` is the post's time by the tick's clock.

    `step_id`, `sender_id`, `message_ids`, `enrollment_ids` and `contact_ids` say whom it went to, as far as the line
    tells: a test send has only step and sender, and lines of earlier versions no contacts and no sender.
    `provider_id` is SendGrid's name for it.
    """

    request_id: str
    entry: Entry
    at: datetime
    step_id: str = ""
    message_ids: tuple[str, ...] = ()
    enrollment_ids: tuple[str, ...] = ()
    contact_ids: tuple[str, ...] = ()
    sender_id: str = ""
    provider_id: str | None = None


class _Seen(NamedTuple):
    """What says whether the file that is open is still the one to write to."""

    today: str
    folder: int
    changed: int


class Journal:
    """Appends durably from many threads; reads what earlier workers left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._open: tuple[_Seen | None, FileIO] | None = None
        self._keeps_open = False
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def kept_open(self) -> Generator[None]:
        """Between lines the file stays open in here: posting a window writes thousands of them."""
        self._keeps_open = True
        try:
            yield
        finally:
            with self._writing:
                self._keeps_open = False
                self._let_go()

    def posted(
        self,
        request_id: str,
        at: datetime,
        step_id: str = "",
        message_ids: Sequence[str] = (),
        enrollment_ids: Sequence[str] = (),
        contact_ids: Sequence[str] = (),
        sender_id: str = "",
    ) -> None:
        """To be called just before the first byte; raises OSError where the disk can't keep it."""
        whom = {
            "step": step_id,
            "sender": sender_id,
            "messages": message_ids,
            "enrollments": enrollment_ids,
            "contacts": contact_ids,
        }
        self._append({"request": request_id, "entry": Entry.POSTED, "at": at, **whom})

    def not_sent(self, request_id: str, at: datetime) -> None:
        """An answer, or the lack of a connection, proves that this request was not taken."""
        self._append({"request": request_id, "entry": Entry.NOT_SENT, "at": at})

    def accepted(self, request_id: str, at: datetime, provider_id: str | None) -> None:
        """SendGrid took this request. Not forced to the disk: a lost line leaves it unknown, never doubled."""
        entry = {"request": request_id, "entry": Entry.ACCEPTED, "at": at, "provider": provider_id}
        self._append(entry, durably=False)

    def newest(self) -> str | None:
        """The request posted last: the high-water mark that a store must know (SPEC 6.10)."""
        for path in reversed(self._files()):
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                end = len(content)
                while (start := content.rfind(b"\n", 0, end)) >= 0:
                    line = _parsed(content[start + 1 : end])
                    if line is not None and line.entry is Entry.POSTED:
                        return line.request_id
                    end = start
        return None

    def last_entries(self) -> Iterator[dict[str, Entry]]:
        """A file at a time, the oldest first: the last entry in it on each request that it names."""
        for path in self._files():
            yield {line.request_id: line.entry for line in self._lines([path])}

    def last_words(self, among: Set[str] | None = None) -> dict[str, Line]:
        """The last word on each journalled request, or on some, in the order of their posts, with whom it went to."""
        return _last_words(
            line for line in self._lines(self._files()) if among is None or line.request_id in among
        )

    def words_on(self, request_ids: Set[str]) -> dict[str, Line]:
        """The last word on some requests that a dead tick left; read are the files since the oldest was made."""
        made = [made_at(UUID(request_id)) for request_id in request_ids]
        since = f"{min([*made, datetime.now(UTC)]) - SLACK:%Y-%m-%d}"
        files = self._files()
        recent = [path for path in files[:-LAST_FILES] if path.stem >= since] + files[-LAST_FILES:]
        return _last_words(line for line in self._lines(recent) if line.request_id in request_ids)

    def prune(self, now: datetime) -> bool:
        """Drop days that no backup will need any more; whether there were any.

        A clock that is ahead takes none of the last ones.
        """
        oldest_kept = f"{now - KEEP:%Y-%m-%d}"
        dropped = [path for path in self._files()[:-KEEP_FILES] if path.stem < oldest_kept]
        for path in dropped:
            path.unlink(missing_ok=True)
        return bool(dropped)

    def began(self) -> float:
        """By when the oldest file that is kept was begun, Unix time; 0 where there is none."""
        files = self._files()
        return files[0].stat().st_mtime - SLACK.total_seconds() if files else 0

    def _files(self) -> list[Path]:
        """Those that hold something, in the order of their lines."""
        named = (self._folder / f"{stem}.jsonl" for stem in sorted(self._stems()))
        return [path for path in named if path.stat().st_size]

    def _stems(self) -> list[str]:
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".jsonl")]
        return [stem for name in names if _NAME.fullmatch(stem := name.removesuffix(".jsonl"))]

    def _file(self) -> FileIO:
        """Today's file; one that is open already where no name came or went in the folder since it was looked for."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        seen = self._seen(today)
        if seen is None or self._open is None or self._open[0] != seen:
            self._let_go()
            self._open = (seen, self._writing_to(today).open("ab", buffering=0))
        return self._open[1]

    def _seen(self, today: str) -> _Seen | None:
        """None where the folder changed so lately that the next change may bear the same time."""
        found = self._folder.stat()
        settled = time.time_ns() - found.st_mtime_ns > SETTLES_NS
        return _Seen(today, found.st_ino, found.st_mtime_ns) if settled else None

    def _let_go(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _writing_to(self, today: str) -> Path:
        """Today's file, or a later name where there is one: names never go back with the clock."""
        newest = max(self._stems(), default="")
        reached = newest[: len(today)]
        stem = today if today >= reached else max(newest, f"{reached}.{today}")
        return self._folder / f"{stem}.jsonl"

    def _lines(self, files: Sequence[Path]) -> Iterator[Line]:
        for path in files:
            with path.open("rb") as file:
                yield from (line for raw in file if (line := _parsed(raw)) is not None)

    def _append(self, entry: dict[str, Any], *, durably: bool = True) -> None:
        with self._writing:
            try:
                _write(self._file(), b"\n" + orjson.dumps(entry), self._folder, durably=durably)
            finally:
                if not self._keeps_open:
                    self._let_go()


def _write(file: FileIO, line: bytes, folder: Path, *, durably: bool) -> None:
    if not file.tell():
        sync_folder(folder)  # a new file's name is on the disk before a line in it counts
    if file.write(line) < len(line):  # all that a disk says which takes the first bytes of a line
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if durably:
        os.fsync(file.fileno())


def _last_words(lines: Iterable[Line]) -> dict[str, Line]:
    words: dict[str, Line] = {}
    for line in lines:
        whom = words.get(line.request_id, line)
        words[line.request_id] = replace(
            whom, entry=line.entry, at=line.at, provider_id=line.provider_id or whom.provider_id
        )
    return words


def _parsed(raw: bytes) -> Line | None:
    """One line; None for a blank one, or one that a crash tore (its request never left)."""
    try:
        entry = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return Line(
        entry["request"],
        Entry(entry["entry"]),
        datetime.fromisoformat(entry["at"]),
        entry.get("step", ""),
        tuple(entry.get("messages", ())),
        tuple(entry.get("enrollments", ())),
        tuple(entry.get("contacts", ())),
        entry.get("sender", ""),
        entry.get("provider"),
    )
