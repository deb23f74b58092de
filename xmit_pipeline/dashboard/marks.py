"""The place in a long list that an address names, and the text that is searched for."""

from typing import Annotated

from fastapi import Depends, Query

from xmit_pipeline.store.keyset import Mark, mark_of

LONGEST_SEARCH = 200


def _mark(mark: str = "") -> Mark | None:
    return mark_of(mark)


def _search(q: Annotated[str, Query()] = "") -> str | None:
    return q.replace("\0", "").strip()[:LONGEST_SEARCH] or None


AtMark = Annotated[Mark | None, Depends(_mark)]
"""`?mark=`, as a pager's link has it; the first page for anything else."""
Search = Annotated[str | None, Depends(_search)]
"""`?q=`; None where it is blank."""
