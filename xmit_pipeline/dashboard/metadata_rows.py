"""A contact's metadata as rows of a form: name, kind and value; a text stays a text, and JSON keeps its type.

A row remembers which key it showed. What is untouched keeps its value to the letter, and what no row showed stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from xmit_pipeline.dashboard.faults import Faults
from xmit_pipeline.dashboard.form import Form

BLANK_ROWS = 3
MORE_ROWS = 5
MOST_ROWS = 200
"""Keys that a form shows; a form holds 2,000 fields at most, and a row has four."""
TALLEST = 8
TEXT, JSON = "text", "json"


@dataclass(frozen=True, slots=True)
class MetadataRow:
    """One row as it stands in the form; `was` marks the key that it showed, and is empty for a new one."""

    key: str = ""
    kind: str = TEXT
    value: str = ""
    was: str = ""

    @property
    def lines(self) -> int:
        """How tall its field is."""
        return min(self.value.count("\n") + 1, TALLEST)

    def says_the_same(self, other: "MetadataRow") -> bool:
        """Whether a browser may have sent the one for the other: it has line ends of its own, in a name none."""
        return _as_sent(self) == _as_sent(other)


def rows_of(metadata: Mapping[str, Any]) -> list[MetadataRow]:
    """A row a key, as far as a form holds them, and some blank ones."""
    return [_row(key, metadata[key]) for key in list(metadata)[:MOST_ROWS]] + [MetadataRow()] * BLANK_ROWS


def typed_rows(form: Form) -> list[MetadataRow]:
    """The rows as they were typed, and more blank ones where they were asked for."""
    places = range(sum(name.startswith("key-") for name in form.fields))
    rows = [
        MetadataRow(
            form.text(f"key-{place}").strip(),
            form.text(f"kind-{place}") or TEXT,
            form.text(f"value-{place}"),
            form.text(f"was-{place}"),
        )
        for place in places
    ]
    return rows + [MetadataRow()] * (MORE_ROWS if form.flag("more") else 0)


def unshown(metadata: Mapping[str, Any], rows: list[MetadataRow]) -> dict[str, Any]:
    """What of the metadata stands in none of the rows."""
    shown = {row.was for row in rows}
    return {key: value for key, value in metadata.items() if _mark(key) not in shown}


def read_rows(
    rows: list[MetadataRow], known: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], Faults]:
    """The object that the rows make of what is `known`, and what is wrong with them.

    A row without a name and a value is left out, and so is the key that it showed.
    """
    known = known or {}
    stays, showed = unshown(known, rows), {_mark(key): _row(key, value) for key, value in known.items()}
    found: dict[str, Any] = {}
    faults: Faults = {}
    for place, row in enumerate(rows):
        before = showed.get(row.was)
        if not row.key and not row.value:
            continue
        if before is not None and row.says_the_same(before):
            found[before.key] = known[before.key]
        elif not row.key:
            faults[f"key-{place}"] = "Give this value a name, or empty it."
        elif row.key in found:
            faults[f"key-{place}"] = f"{row.key} stands above already."
        elif row.key in stays:
            faults[f"key-{place}"] = f"This contact has {row.key} already, among those that are not shown."
        else:
            try:
                found[row.key] = orjson.loads(row.value) if row.kind == JSON else row.value
            except orjson.JSONDecodeError:
                faults[f"value-{place}"] = (
                    "This is no JSON, such as 5, true or [1, 2]; choose Text for words."
                )
    return {**found, **stays}, faults


def _row(key: str, value: Any) -> MetadataRow:
    if isinstance(value, str):
        return MetadataRow(key, TEXT, value, _mark(key))
    return MetadataRow(key, JSON, orjson.dumps(value).decode(), _mark(key))


def _mark(key: str) -> str:
    """A key as a form can carry it whatever letters it has."""
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:16]


def _as_sent(row: MetadataRow) -> tuple[str, str, str]:
    value = row.value.replace("\r\n", "\n").replace("\r", "\n")
    return row.key.replace("\r", "").replace("\n", "").strip(), row.kind, value
