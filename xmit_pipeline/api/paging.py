"""Pages of lists: `limit` and `offset` in, rows and `totalCount` out (SPEC 8)."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from fastapi import Depends, Query

from xmit_pipeline.api.shapes import Shape, Text

LARGEST_PAGE = 1000
FARTHEST_OFFSET = 2**53

Row = dict[str, Any]


class Rows(Protocol):
    """A page's rows from the store, each with the `total` of all pages."""

    def __call__(self, *, limit: int, offset: int) -> list[Row]: ...


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many rows at most.")] = 50
    offset: Annotated[int, Query(ge=0, le=FARTHEST_OFFSET, description="How many rows to pass over.")] = 0


AtPage = Annotated[Page, Depends()]
Search = Annotated[
    Text | None,
    Query(max_length=200, description="Only those that hold this text, in any case.", examples=["ada"]),
]


YesOrNo = Literal["true", "false"]
"""A switch in an address; nothing else is taken for yes or no."""


class Listing(Shape):
    """What every list answers beside its rows."""

    total_count: int
    limit: int
    offset: int


def paged(rows: Rows, page: Page) -> tuple[list[Row], int]:
    """One page and the number of rows in all, also where the page lies beyond the last row."""
    found = rows(limit=page.limit, offset=page.offset)
    first = found or (rows(limit=1, offset=0) if page.offset else [])
    return found, first[0]["total"] if first else 0


def cut(rows: list[Row], page: Page) -> list[Row]:
    """A page of what the store gives as a whole, because there are never many."""
    return rows[page.offset : page.offset + page.limit]
