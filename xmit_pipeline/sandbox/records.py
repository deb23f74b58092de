"""Where accepted requests are kept: lines of bytes in memory or in a file. Knows nothing of mail."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from xmit_pipeline.model.errors import Conflict


class Records(Protocol):
    """Numbered lines, counted from 0, that are only ever appended or all dropped."""

    def append(self, line: bytes) -> None: ...
    def read(self, number: int) -> bytes: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...


class MemoryRecords:
    """Lines that last as long as the process."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def append(self, line: bytes) -> None:
        self._lines.append(line)

    def read(self, number: int) -> bytes:
        return self._lines[number]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def clear(self) -> None:
        self._lines.clear()

    def close(self) -> None:
        self.clear()


class FileRecords:
    """Lines in `mail.jsonl` of a folder; a last line that a killed writer left torn is cut off at opening.

    One process at a time: a second one is refused with Conflict.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "mail.lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise Conflict(
                f"Another sandbox keeps its mail in {folder}; stop it, or give this one another folder."
            ) from error
        self._file = os.open(folder / "mail.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._ends = [0]
        with (folder / "mail.jsonl").open("rb") as lines:
            self._ends.extend(self._whole(lines))
        os.ftruncate(self._file, self._ends[-1])

    @staticmethod
    def _whole(lines: Iterator[bytes]) -> Iterator[int]:
        end = 0
        for line in lines:
            if not line.endswith(b"\n"):
                return
            end += len(line)
            yield end

    def append(self, line: bytes) -> None:
        start = self._ends[-1]
        rest = memoryview(line + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            # a full disk must not leave half a line for the next one to be glued to
            os.ftruncate(self._file, start)
            raise
        self._ends.append(start + len(line) + 1)

    def read(self, number: int) -> bytes:
        start, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file, end - start - 1, start)

    def __iter__(self) -> Iterator[bytes]:
        return map(self.read, range(len(self._ends) - 1))

    def clear(self) -> None:
        os.ftruncate(self._file, 0)
        self._ends = [0]

    def close(self) -> None:
        os.close(self._file)
        self._lock.release()
