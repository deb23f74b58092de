"""A part of a long list, cut at a row and not at a number: page one thousand costs what page one does.

A list is ordered by `at` and `id`, newest first. The ids come first and the page's rows after: sorting whole rows of
a million costs thirty times as much.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts

PAGE_LENGTH = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PARTS = 3

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

    Each row of `shown` has the `id`; the order is this function's.
    """
    newer = mark is not None and mark.newer
    order = "ASC" if newer else "DESC"
    query = f"""
        WITH found AS ({found}),
        shown AS (
            SELECT found.id, found.at FROM found WHERE true {"" if mark is None else NEWER if newer else OLDER}
            ORDER BY found.at {order}, found.id {order} LIMIT $keyset_limit
        ),
        printed AS ({shown})
        SELECT printed.*, shown.at AS keyset_at FROM printed JOIN shown ON shown.id = printed.id
        ORDER BY shown.at {order}, shown.id {order}
    """  # noqa: S608  (our own statements)
    marked = {"mark_at": mark.at, "mark_id": mark.id} if mark else {}
    rows = rows_as_dicts(connection, query, {**parameters, **marked, "keyset_limit": limit + 1})
    more, rows = len(rows) > limit, rows[:limit]
    if newer:
        rows.reverse()
    if not rows:
        return Cut([], None, None)
    first, last = rows[0], rows[-1]
    has_newer = more if newer else mark is not None
    has_older = True if newer else more
    return Cut(
        rows,
        Mark(first["keyset_at"], first["id"], newer=True) if has_newer else None,
        Mark(last["keyset_at"], last["id"]) if has_older else None,
    )
