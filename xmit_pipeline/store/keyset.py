"""A part of a long list, cut at a row and not at a number: page one thousand costs what page one does.

A list is ordered by `at` and `id`, newest first. The ids come first and the page's rows after: sorting whole rows of
a million costs thirty times as much.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts

PAGE_LENGTH = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PARTS = 3
_PARAMETER = re.compile(r"\$(\w+)")

OLDER = "AND (found.at < $mark_at OR (found.at = $mark_at AND found.id < $mark_id))"
NEWER = "AND (found.at > $mark_at OR (found.at = $mark_at AND found.id > $mark_id))"


@dataclass(frozen=True, slots=True)
class Mark:
    """A row beside which a page begins: what is older than it comes next, or what is newer."""

    at: datetime
    id: UUID
    newer: bool = False

    @property
    def text(self) -> str:
        """As an address carries it."""
        return f"{'n' if self.newer else 'o'}.{(self.at - _EPOCH) // _MICROSECOND}.{self.id.hex}"


@dataclass(frozen=True, slots=True)
class Cut:
    """A page's rows, newest first, and the marks of the pages beside it, where there are any."""

    rows: list[dict[str, Any]]
    newer: Mark | None
    older: Mark | None


def mark_of(text: str) -> Mark | None:
    """The mark in an address; None for a text that is none, which is the first page."""
    parts = text.split(".")
    if len(parts) != _PARTS or parts[0] not in ("n", "o"):
        return None
    try:
        return Mark(_EPOCH + int(parts[1]) * _MICROSECOND, UUID(hex=parts[2]), parts[0] == "n")
    except (ValueError, OverflowError):
        return None


def cut_rows(
    connection: Connection,
    found: str,
    shown: str,
    parameters: dict[str, Any],
    mark: Mark | None = None,
    limit: int = PAGE_LENGTH,
) -> Cut:
    """One page of `found`, a SELECT of `id` and `at`; `shown`, a SELECT from `shown` and what it joins, makes its rows.

    Each row of `shown` has the `id`; the order is this function's. Both see the parameters that they name.
    """
    newer = mark is not None and mark.newer
    order = "ASC" if newer else "DESC"
    beyond = "" if mark is None else NEWER if newer else OLDER
    marked = {"mark_at": mark.at, "mark_id": mark.id} if mark else {}
    places = rows_as_dicts(
        connection,
        f"SELECT id, found.at AS place FROM ({found}) AS found WHERE true {beyond} "  # noqa: S608  (our own statements)
        f"ORDER BY found.at {order}, id {order} LIMIT $keyset_limit",
        {**_named(found, parameters), **marked, "keyset_limit": limit + 1},
    )
    more, places = len(places) > limit, places[:limit]
    if newer:
        places.reverse()
    if not places:
        return Cut([], None, None)
    first, last = places[0], places[-1]
    return Cut(
        _rows(connection, shown, parameters, places),
        Mark(first["place"], first["id"], newer=True) if (more if newer else mark is not None) else None,
        Mark(last["place"], last["id"]) if newer or more else None,
    )


def _rows(
    connection: Connection, shown: str, parameters: dict[str, Any], places: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A statement of its own: with the ids at hand DuckDB reads only the parts of a table that can hold them."""
    ids, ats = [place["id"] for place in places], [place["place"] for place in places]
    rows = rows_as_dicts(
        connection,
        f"WITH shown AS (SELECT unnest($keyset_ids::UUID[]) AS id, unnest($keyset_ats::TIMESTAMPTZ[]) AS at) {shown}",
        {**_named(shown, parameters), "keyset_ids": ids, "keyset_ats": ats},
    )
    by_id = {row["id"]: row for row in rows}
    return [by_id[each] for each in ids if each in by_id]


def _named(query: str, parameters: dict[str, Any]) -> dict[str, Any]:
    names = set(_PARAMETER.findall(query))
    return {name: value for name, value in parameters.items() if name in names}
