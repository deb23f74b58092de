"""The people of one batch as columns: what a name prints as, and what tells two of its values apart.

Metadata is parsed once for each different text. Which names are wanted comes from the skeleton.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from xmit_pipeline.rendering.names import BUILT_IN, Document, read_documents
from xmit_pipeline.rendering.printed import Printed

PEOPLE = pl.Schema(
    {
        "message_id": pl.String,
        "email": pl.String,
        "first_name": pl.String,
        "last_name": pl.String,
        "metadata": pl.String,
        "unsubscribe_url": pl.String,
    }
)
"""What `render_batch` takes, a row for each message; names may be null, metadata is a JSON object."""

READABLE = "readable"
"""Whether a person's metadata could be read."""

_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class Crowd:
    """`frame` has PEOPLE's columns, READABLE, and `text_column` and `key_column` of each wanted name.

    A key is null where the name is missing; equal keys are equal values, of the same type.
    """

    frame: pl.DataFrame
    values: dict[str, object]

    def value(self, name: str, key: str) -> object:
        """The value behind a key."""
        if name in BUILT_IN:
            return key
        return key[1:] if key[0] == _QUOTE else self.values[key]


def text_column(printed: Printed) -> str:
    """Column with what a printed name comes out as, before escaping; null or "" where it is missing."""
    kind = "text" if printed.fallback is None else "given"
    return BUILT_IN.get(printed.name, f"{kind} {printed.name}")


def key_column(name: str) -> str:
    """Column whose equal values are equal values of the name."""
    return BUILT_IN.get(name, f"key {name}")


def read_crowd(people: pl.DataFrame, *, printed: Iterable[Printed], compared: Iterable[str]) -> Crowd:
    """Reads the metadata, for names that are printed and for names that fragments depend on."""
    rows = people.select(pl.col(name).cast(dtype) for name, dtype in PEOPLE.items())
    texts = rows.get_column("metadata").unique(maintain_order=True)
    documents = read_documents(texts.fill_null("").to_list())
    read = [document or {} for document in documents]
    values: dict[str, object] = {}
    wanted = {text_column(each): each for each in printed if each.name not in BUILT_IN}
    found = pl.DataFrame(
        [
            texts,
            pl.Series(READABLE, [document is not None for document in documents], pl.Boolean),
            *(_texts(read, each) for each in wanted.values()),
            *(_keys(read, name, values) for name in sorted(set(compared) - BUILT_IN.keys())),
        ]
    )
    return Crowd(rows.join(found, on="metadata", how="left", nulls_equal=True, maintain_order="left"), values)


def _texts(documents: Sequence[Document], printed: Printed) -> pl.Series:
    values = [document.get(printed.name) for document in documents]
    texts = [value if isinstance(value, str) else printed.text(value) for value in values]
    return pl.Series(text_column(printed), texts, pl.String)


def _keys(documents: Sequence[Document], name: str, values: dict[str, object]) -> pl.Series:
    found = [document.get(name) for document in documents]
    keys = [_QUOTE + value if isinstance(value, str) else _key(value, values) for value in found]
    return pl.Series(key_column(name), keys, pl.String)


def _key(value: object, values: dict[str, object]) -> str | None:
    if value is None:
        return None
    key = repr(value)
    values[key] = value
    return key
