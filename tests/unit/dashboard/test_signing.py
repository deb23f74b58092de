"""Signed texts in cookies: only what we sealed, for its own purpose, opens (SPEC 10, XMIT_SECRET)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.dashboard.signing import is_marked, mark_of, opened, sealed

OLD, NEW = "an old secret, long enough", "a new secret, long enough"
CONTENT = {"text": "Ünïcode", "number": 7}


def test_old_secret_still_opens() -> None:
    """The first signs, all verify: a rotation signs nobody out."""
    assert opened("session", sealed("session", CONTENT, (OLD,)), (NEW, OLD)) == CONTENT


@pytest.mark.parametrize(("purpose", "secrets"), [("said", (OLD,)), ("session", (NEW,))])
def test_foreign_seal_stays_shut(purpose: str, secrets: tuple[str, ...]) -> None:
    """One made for another purpose, or with another secret."""
    assert opened(purpose, sealed("session", CONTENT, (OLD,)), secrets) is None


@given(st.text(max_size=200))
def test_no_stray_text_opens(text: str) -> None:
    """Whatever a browser sends."""
    assert opened("session", text, (OLD,)) is None


@given(st.data())
def test_changed_letter_shuts_it(data: st.DataObject) -> None:
    whole = sealed("session", CONTENT, (OLD,))
    place = data.draw(st.integers(0, len(whole) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019.-_").filter(lambda each: each != whole[place]))

    assert opened("session", whole[:place] + letter + whole[place + 1 :], (OLD,)) is None


def test_form_token_fits_one_nonce() -> None:
    token = mark_of("form", "mine", OLD)

    assert is_marked("form", "mine", token, (NEW, OLD))
    assert not is_marked("form", "other", token, (NEW, OLD))
    assert not is_marked("session", "mine", token, (NEW, OLD))
