"""What a contact file is on disk: CSV or Parquet, its encoding, delimiter and headers.

Looks at bytes only; what the columns mean is `model.columns`, and the rows are read by DuckDB.
"""

import codecs
import csv
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, copyfileobj
from typing import IO

from xmit_pipeline.model.errors import BadInput

# Written after a file's end: a row like any other, unless a quote is still open there. Then its quote makes
# the open row one that DuckDB reports; read on one thread, DuckDB drops an open last row without a word.
LAST_ROW = 'end"of"file'

_CHUNK = 1 << 20
_DELIMITERS = (",", ";", "\t")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PARQUET_MAGIC = b"PAR1"
_PACKED_MAGICS = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"BZh", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file's form: `blank_lines` stand before the header, `line_end` is None where it is mixed."""

    path: Path
    encoding: str
    line_end: str | None
    quotes: bool
    delimiter: str
    blank_lines: int
    headers: tuple[str, ...]


def is_parquet(path: Path) -> bool:
    """Whether the file is Parquet, by its first bytes; BadInput where it can't be read or is neither kind."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as fault:
        raise BadInput(f"{path} can't be read: {fault.strerror}.") from fault
    if start.startswith(_PACKED_MAGICS):
        raise BadInput(f"{path} is a packed file or a workbook; unpack it, or save it as CSV.")
    if start != _PARQUET_MAGIC and path.suffix.lower() in {".parquet", ".pq"}:
        raise BadInput(f"{path} is called Parquet, but isn't; export it again.")
    return start == _PARQUET_MAGIC


def examined(path: Path) -> CsvFile:
    """Reads the file's bytes once for their form, and its first record for the headers.

    BadInput for a file that is empty or no text.
    """
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
        encoding = encoding or _unmarked_utf16(start) or _utf8_or_windows(file)
        file.seek(0)
        line_end, quotes = _line_end_and_quotes(file)
    records = {delimiter: _first_record(path, encoding, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(records, key=lambda delimiter: len(records[delimiter][1]))
    blank_lines, headers = records[delimiter]
    return CsvFile(path, encoding, line_end, quotes, delimiter, blank_lines, tuple(headers))


@contextmanager
def readable(file: CsvFile) -> Generator[Path]:
    """Where DuckDB can read it: at its own path, or in a UTF-8 copy with one kind of line end.

    A file with quotes is always copied, to end in the LAST_ROW.
    """
    line_end = file.line_end if file.encoding.startswith("utf-8") else None
    if line_end and not file.quotes:
        yield file.path
        return
    with tempfile.TemporaryDirectory(prefix="xmit-import-") as folder:
        copy = Path(folder) / "contacts.csv"
        if line_end:
            copyfile(file.path, copy)
        else:
            _write_plain(file, copy)
        last_row = LAST_ROW + file.delimiter * (len(file.headers) - 1)
        with copy.open("a", encoding="utf-8", newline=line_end or "\n") as target:
            target.write(f"\n{last_row}\n")
        yield copy


def _write_plain(file: CsvFile, copy: Path) -> None:
    # broken bytes of a UTF-8 file pass through, so that DuckDB names the rows they are in
    errors = "surrogateescape" if file.encoding.startswith("utf-8") else "replace"
    with (
        file.path.open(encoding=file.encoding, errors=errors, newline=None) as source,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as target,
    ):
        copyfileobj(source, target, _CHUNK)


def _unmarked_utf16(start: bytes) -> str | None:
    if start[1:2] == b"\0" and start[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if start[:1] == b"\0" and start[1:2] != b"\0" else None


def _utf8_or_windows(file: IO[bytes]) -> str:
    """Windows-1252 where more is broken UTF-8 than sound; a few broken bytes are bad rows of a UTF-8 file."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    broken = sound = 0
    while chunk := file.read(_CHUNK):
        text = decoder.decode(chunk)
        if not text.isascii():
            bad = text.count("\ufffd")
            broken += bad
            sound += len(text) - len(text.encode("ascii", "ignore")) - bad
    return "cp1252" if broken > sound else "utf-8"


def _line_end_and_quotes(file: IO[bytes]) -> tuple[str | None, bool]:
    """The one line end of the file, None where it has several, and whether it has quotes."""
    pairs = feeds = returns = quotes = 0
    last = b""
    while chunk := file.read(_CHUNK):
        pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        quotes += chunk.count(b'"')
        last = chunk[-1:]
    line_ends = {(feeds, feeds, feeds): "\r\n", (0, feeds, 0): "\n", (0, 0, returns): "\r"}
    return line_ends.get((pairs, feeds, returns)), quotes > 0


def _first_record(path: Path, encoding: str, delimiter: str) -> tuple[int, list[str]]:
    """How many blank lines come first, and the cells of the first line that isn't blank."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        try:
            for blank_lines, cells in enumerate(csv.reader(file, delimiter=delimiter)):
                if "\0" in "".join(cells):
                    raise BadInput(f"{path} is neither CSV nor Parquet.")
                if any(cell.strip() for cell in cells):
                    return blank_lines, cells
        except csv.Error as fault:
            raise BadInput(f"{path} can't be read as CSV: {fault}.") from fault
    raise BadInput(f"{path} is empty.")
