"""The worker's journal: which requests may have left this machine (SPEC 6.2, 6.7).

A request's id is on disk before its first byte is on the wire; an answer that proves "not sent" is on disk
before anything waits. One file a UTC day, in `XMIT_HOME/journal/`, one JSON object a line; a line begins with
its line break, so that one torn by a crash spoils only itself.
"""

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import orjson


class Entry(StrEnum):
    POSTED = "posted"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Line:
    """The last word on one request; `at` is the post's time by the tick's clock."""

    entry: Entry
    at: datetime


class Journal:
    """Appends durably from many threads; reads what earlier workers left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._folder.mkdir(parents=True, exist_ok=True)

    def posted(self, request_id: str, at: datetime) -> None:
        """To be called just before the first byte; raises OSError where the disk can't keep it."""
        self._append(request_id, Entry.POSTED, at)

    def not_sent(self, request_id: str, at: datetime) -> None:
        """An answer, or the lack of a connection, proves that this request was not taken."""
        self._append(request_id, Entry.NOT_SENT, at)

    def last_entries(self) -> dict[str, Line]:
        """The last word on each journalled request; a line torn by a crash never left, and is passed over."""
        entries: dict[str, Line] = {}
        for path in sorted(self._folder.glob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                entries[entry["request"]] = Line(Entry(entry["entry"]), datetime.fromisoformat(entry["at"]))
        return entries

    def _append(self, request_id: str, entry: Entry, at: datetime) -> None:
        line = b"\n" + orjson.dumps({"request": request_id, "entry": entry, "at": at})
        path = self._folder / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
        with self._writing, path.open("ab", buffering=0) as file:
            file.write(line)
            os.fsync(file.fileno())
