"""Public ids: opaque, prefixed, the same in Python and SQL (SPEC 1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import Kind, new_id, parse_id, parse_known_ids, public_id


@given(st.sampled_from(Kind), st.uuids())
def test_parsing_undoes_printing(kind, value):
    assert parse_id(kind, public_id(kind, value)) == value


def test_later_ids_sort_later():
    made = [public_id(Kind.CONTACT, new_id()) for _ in range(50)]
    assert made == sorted(made)


@given(st.text(max_size=40))
def test_any_other_text_is_not_found(text):
    with pytest.raises(NotFound, match="no contact"):
        parse_id(Kind.CONTACT, text)


def test_an_id_of_another_kind_is_not_found():
    """SPEC 9: unknown id, id of another kind: 404."""
    with pytest.raises(NotFound, match="begin with con_"):
        parse_id(Kind.CONTACT, public_id(Kind.LIST, new_id()))


def test_known_ids_keep_their_places():
    value = new_id()
    assert parse_known_ids(Kind.CONTACT, ["con_x", public_id(Kind.CONTACT, value)]) == [None, value]
