"""Public ids and link tokens are the same in SQL as in Python (SPEC 1, 7)."""

from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.connection import Connection, EmbeddedStore


def suffixes(connection: Connection, ids: list[object]) -> list[str]:
    query = "SELECT id_suffix(unnest($ids::UUID[]))"
    return [row[0] for row in connection.execute(query, {"ids": ids}).fetchall()]


def test_sql_writes_the_same_public_ids(tmp_path):
    store = EmbeddedStore(tmp_path / "xmit.duckdb")

    @given(st.lists(st.uuids(), min_size=50, max_size=100))
    def agrees(ids):
        with store.snapshot() as connection:
            assert suffixes(connection, ids) == [
                public_id(Kind.CONTACT, each).removeprefix("con_") for each in ids
            ]

    agrees()
    store.close()
