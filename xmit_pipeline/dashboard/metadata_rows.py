"""A contact's metadata as rows of a form: name, kind and value; a text stays a text, and JSON keeps its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from xmit_pipeline.dashboard.faults import Faults
from xmit_pipeline.dashboard.form import Form

BLANK_ROWS = 3
MORE_ROWS = 5
MOST_ROWS = 500
TEXT, JSON = "text", "json"


@dataclass(frozen=True, slots=True)
class MetadataRow:
    """One row as it stands in the form."""

    key: str = ""
    kind: str = TEXT
    value: str = ""


def rows_of(metadata: Mapping[str, Any]) -> list[MetadataRow]:
    """A row a key, and some blank ones."""
    rows = [
        MetadataRow(key, TEXT, value)
        if isinstance(value, str)
        else MetadataRow(key, JSON, orjson.dumps(value).decode())
        for key, value in metadata.items()
    ]
    return rows + [MetadataRow()] * BLANK_ROWS


def typed_rows(form: Form) -> list[MetadataRow]:
    """The rows as they were typed, and more blank ones where they were asked for."""
    places = range(min(sum(name.startswith("key-") for name in form.fields), MOST_ROWS))
    rows = [
        MetadataRow(
            form.text(f"key-{place}").strip(), form.text(f"kind-{place}") or TEXT, form.text(f"value-{place}")
        )
        for place in places
    ]
    return rows + [MetadataRow()] * (MORE_ROWS if form.flag("more") else 0)


def read_rows(rows: list[MetadataRow]) -> tuple[dict[str, Any], Faults]:
    """The object that the rows make, and what is wrong with them; rows without a name and a value are left out."""
    found: dict[str, Any] = {}
    faults: Faults = {}
    for place, row in enumerate(rows):
        if not row.key and not row.value:
            continue
        if not row.key:
            faults[f"key-{place}"] = "Give this value a name, or empty it."
        elif row.key in found:
            faults[f"key-{place}"] = f"{row.key} stands above already."
        else:
            try:
                found[row.key] = orjson.loads(row.value) if row.kind == JSON else row.value
            except orjson.JSONDecodeError:
                faults[f"value-{place}"] = (
                    "This is no JSON, such as 5, true or [1, 2]; choose Text for words."
                )
    return found, faults
