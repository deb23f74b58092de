"""The landing zone on disk: which files are whole, what their names say, where they go afterwards (SPEC 2).

Knows names, bytes and folders; what becomes of the rows is `store.landing`.
"""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import file_digest
from pathlib import Path

from xmit_pipeline.model.errors import BadInput

LONGEST_LIST_NAME = 200
_ENDINGS = (".csv", ".parquet")
_KEPT = _DONE, _REFUSED = "done", "refused"
_LONGEST_KEPT_NAME = 180
"""Bytes of a file's name that are kept in done/ and refused/, where a stamp of 26 goes before it: 255 fit."""


class Folder(StrEnum):
    """Where a file lands says what it is, below `XMIT_HOME/landing`."""

    CONTACTS = "contacts"
    LISTS = "lists"
    ADDITIONS = "lists/add"


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file as it was when it was examined."""

    path: Path
    folder: Folder
    inode: int
    size: int
    modified_ns: int
    sha256: str

    @property
    def name(self) -> str:
        return shown_name(self.path)

    @property
    def place(self) -> int:
        """Its inode as the store holds it: some file systems use all 64 bits."""
        return self.inode - (1 << 64) if self.inode >= 1 << 63 else self.inode

    def stamp(self, now: datetime) -> str:
        """What tells files of one name apart: when, and the first of the hash."""
        return f"{now:%Y%m%dT%H%M%SZ}-{self.sha256[:8]}"

    def unchanged(self) -> bool:
        """Whether the same bytes are still at this path: nobody writes to it, nobody has replaced it."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        return (status.st_ino, status.st_size, status.st_mtime_ns) == (
            self.inode,
            self.size,
            self.modified_ns,
        )


def landing_waits(home: Path) -> bool:
    """Whether a file waits to be folded: one look into three folders, for the schedule."""
    return any(True for folder in Folder for _ in _whole_files(home, folder))


def waiting_files(home: Path, folder: Folder) -> list[Path]:
    """The whole files in a folder by name: a date in the name puts several for one list in order."""
    return sorted(_whole_files(home, folder), key=lambda path: os.fsencode(path.name))


def unusable_folders(home: Path) -> list[Path]:
    """Makes the folders that files are dropped into, and moved to; answers those that can't be used."""
    folders = [home / "landing" / name for name in (*Folder, *_KEPT)]
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return [folder for folder in folders if not _usable(folder)]


def examined(path: Path, folder: Folder) -> LandedFile:
    """The file's identity and the hash of its bytes. BadInput where it can't be read."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.") from error
    return LandedFile(path, folder, status.st_ino, status.st_size, status.st_mtime_ns, sha256)


def list_name_of(path: Path) -> str:
    """The list that a file's name names: what stands before its first `@` or `.`; BadInput where that is no name."""
    name = path.name.split("@")[0].split(".")[0]
    if not name.strip():
        raise BadInput("The file's name must begin with the list's, such as Newsletter@2026-03-02.parquet.")
    return checked_list_name(name)


def checked_list_name(name: str) -> str:
    """A list's name as the API takes it: one line of 1 to 200 characters, in Unicode's composed form."""
    composed = unicodedata.normalize("NFC", name).strip()
    if not composed:
        raise BadInput("A list needs a name.")
    if len(composed) > LONGEST_LIST_NAME:
        raise BadInput(f"A list's name has at most {LONGEST_LIST_NAME} characters.")
    if any(_is_control(letter) for letter in composed):
        raise BadInput("A list's name is one line without control characters, in UTF-8.")
    return composed


def shown_name(path: Path) -> str:
    """A file's name as text that any program takes: bytes that are no UTF-8 are written out."""
    return path.name.encode("utf-8", "backslashreplace").decode()


def shortened(name: str) -> str:
    """The end of a name, so that a stamp fits before it: its ending must stay."""
    encoded = os.fsencode(name)
    return (
        encoded[-_LONGEST_KEPT_NAME:].decode("utf-8", "ignore") if len(encoded) > _LONGEST_KEPT_NAME else name
    )


def put_away(home: Path, file: LandedFile, now: datetime, fault: str | None = None) -> Path | None:
    """Move a file that was dealt with to `done/`, or to `refused/` with the sentence beside it.

    A file that was replaced or is being written to meanwhile stays for the next time: None.
    """
    if not file.unchanged():
        return None
    folder = home / "landing" / put_away_to(fault)
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{file.stamp(now)}-{shortened(file.path.name)}"
    file.path.rename(kept)
    if fault:
        kept.with_name(f"{kept.name}.txt").write_text(
            f"{fault}\n", encoding="utf-8", errors="backslashreplace"
        )
    return kept


def put_away_to(fault: str | None) -> str:
    """The folder of the zone where a file goes that was dealt with."""
    return _REFUSED if fault else _DONE


def _usable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _whole_files(home: Path, folder: Folder) -> Iterator[Path]:
    try:
        with os.scandir(home / "landing" / folder) as entries:
            yield from (Path(entry.path) for entry in entries if _is_whole(entry.name) and _is_file(entry))
    except OSError:
        return  # `unusable_folders` tells; a folder that can't be read must not stop the sending


def _is_whole(name: str) -> bool:
    """Names that begin with a dot, or end in .part or .tmp, are being written."""
    return not name.startswith(".") and name.lower().endswith(_ENDINGS)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a link in a circle, or into a place that is not ours


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
