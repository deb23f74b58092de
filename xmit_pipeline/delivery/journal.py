"""The worker's journal: what may have left this machine (SPEC 6.2, 6.7, 6.10).

A request is on disk, with whom it goes to, before its first byte is on the wire; an answer that proves "not sent"
is on disk before anything waits; one that accepts is noted too. It tells a later tick what a dead one may have
posted, and a restored store what it has forgotten. One file a UTC day, in `XMIT_HOME/journal/`, one JSON object a
line; a line begins with its line break, so that one torn by a crash spoils only itself.
"""

import errno
import mmap
import os
import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from xmit_pipeline.model.ids import made_at

KEEP = timedelta(days=30)
"""A backup older than this can't be reconciled; the newest file is kept for ever."""
SLACK = timedelta(days=1)
"""How far the clock may have been set back between an id's making and its line."""


class Entry(StrEnum):
    POSTED = "posted"
    NOT_SENT = "not_sent"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Line:
    """The last word on one request; `at` is the post's time by the tick's clock.

    `step_id`, `message_ids` and `enrollment_ids` say whom it went to; `provider_id` is SendGrid's name for it.
    """

    request_id: str
    entry: Entry
    at: datetime
    step_id: str = ""
    message_ids: tuple[str, ...] = ()
    enrollment_ids: tuple[str, ...] = ()
    provider_id: str | None = None


class Journal:
    """Appends durably from many threads; reads what earlier workers left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._folder.mkdir(parents=True, exist_ok=True)

    def posted(
        self,
        request_id: str,
        at: datetime,
        step_id: str = "",
        message_ids: Sequence[str] = (),
        enrollment_ids: Sequence[str] = (),
    ) -> None:
        """To be called just before the first byte; raises OSError where the disk can't keep it."""
        whom = {"step": step_id, "messages": message_ids, "enrollments": enrollment_ids}
        self._append({"request": request_id, "entry": Entry.POSTED, "at": at, **whom})

    def not_sent(self, request_id: str, at: datetime) -> None:
        """An answer, or the lack of a connection, proves that this request was not taken."""
        self._append({"request": request_id, "entry": Entry.NOT_SENT, "at": at})

    def accepted(self, request_id: str, at: datetime, provider_id: str | None) -> None:
        """SendGrid took this request. Not forced to the disk: a lost line leaves it unknown, never doubled."""
        entry = {"request": request_id, "entry": Entry.ACCEPTED, "at": at, "provider": provider_id}
        self._append(entry, durably=False)

    def newest(self) -> str | None:
        """The id journalled last: the high-water mark that a store must know (SPEC 6.10)."""
        for path in reversed(self._files()):
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                end = len(content)
                while (start := content.rfind(b"\n", 0, end)) >= 0:
                    line = _parsed(content[start + 1 : end])
                    if line is not None:
                        return line.request_id
                    end = start
        return None

    def last_words(self) -> dict[str, Line]:
        """The last word on each journalled request, in the order of their posts, with whom it went to."""
        return _last_words(self._lines(self._files()))

    def words_on(self, request_ids: Set[str]) -> dict[str, Line]:
        """The last word on some requests; of the files only those since the oldest of them is read."""
        oldest = min((made_at(UUID(request_id)) for request_id in request_ids), default=datetime.now(UTC))
        files = [path for path in self._files() if path.stem >= f"{oldest - SLACK:%Y-%m-%d}"]
        return _last_words(line for line in self._lines(files) if line.request_id in request_ids)

    def prune(self, now: datetime) -> None:
        """Drop days that no backup will need any more; the newest file stays."""
        oldest_kept = f"{now - KEEP:%Y-%m-%d}.jsonl"
        for path in self._files()[:-1]:
            if path.name < oldest_kept:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*.jsonl") if path.stat().st_size)

    def _lines(self, files: Sequence[Path]) -> Iterator[Line]:
        for path in files:
            with path.open("rb") as file:
                yield from (line for raw in file if (line := _parsed(raw)) is not None)

    def _append(self, entry: dict[str, Any], *, durably: bool = True) -> None:
        path = self._folder / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
        with self._writing, path.open("ab", buffering=0) as file:
            line = b"\n" + orjson.dumps(entry)
            if file.write(line) < len(line):  # all that a disk says which takes the first bytes of a line
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durably:
                os.fsync(file.fileno())


def _last_words(lines: Iterable[Line]) -> dict[str, Line]:
    words: dict[str, Line] = {}
    for line in lines:
        whom = words.get(line.request_id, line)
        words[line.request_id] = replace(
            line, step_id=whom.step_id, message_ids=whom.message_ids, enrollment_ids=whom.enrollment_ids
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
        entry.get("provider"),
    )
