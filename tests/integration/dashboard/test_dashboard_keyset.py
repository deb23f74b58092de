"""Long lists cut at a row: nobody is dropped or shown twice, forwards or back (issue 7, SPEC 8)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keyset import Mark, cut_rows, mark_of

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
FOUND = "SELECT id, moment AS at FROM thing"
SHOWN = "SELECT thing.id, thing.moment FROM shown JOIN thing ON thing.id = shown.id"


@pytest.mark.parametrize(("rows", "limit"), [(0, 3), (3, 3), (4, 3), (10, 3), (7, 50)])
def test_pages_hold_everyone_once(store: EmbeddedStore, rows: int, limit: int) -> None:
    """Also where many came in the same moment: the id decides."""
    things = [(UUID(int=number), BEGIN + timedelta(seconds=number // 4)) for number in range(rows)]
    with store.transaction() as connection:
        connection.execute("CREATE TABLE thing (id UUID, moment TIMESTAMPTZ)")
        if things:
            connection.executemany("INSERT INTO thing VALUES (?, ?)", things)
    expected = [each for each, _ in reversed(things)]

    with store.snapshot() as connection:
        cut = cut_rows(connection, FOUND, SHOWN, {}, limit=limit)
        assert cut.newer is None
        forwards, pages = [row["id"] for row in cut.rows], [cut]
        while cut.older:
            cut = cut_rows(connection, FOUND, SHOWN, {}, cut.older, limit)
            pages.append(cut)
            forwards += [row["id"] for row in cut.rows]
        assert forwards == expected
        for before, after in pairwise(pages):
            assert after.newer is not None
            back = cut_rows(connection, FOUND, SHOWN, {}, after.newer, limit)
            assert back.rows == before.rows


@given(
    at=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  (the zone is given)
    place=st.uuids(),
    newer=st.booleans(),
)
def test_mark_survives_its_address(at: datetime, place: UUID, *, newer: bool) -> None:
    mark = Mark(at, place, newer)
    assert mark_of(mark.text) == mark


@given(st.text(max_size=60) | st.from_regex(r"[no]\.-?[0-9]{1,40}\.[0-9a-f]{0,40}", fullmatch=True))
def test_stray_mark_is_the_first_page(text: str) -> None:
    """Whatever stands in an address, it is a mark or none."""
    found = mark_of(text)
    assert found is None or isinstance(found, Mark)
