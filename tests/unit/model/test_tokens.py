"""Unsubscribe tokens: signed, per message, no expiry, old secrets verify (SPEC 7)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.tokens import Wish, sign, verify

WISH = Wish(UUID("01890a5d-ac96-774b-bcce-b302099a8057"), UUID("01890a5d-ac96-774b-bcce-b302099a8058"))
OLD, NEW = "an old secret of ours", "a newer secret of ours"


@given(st.uuids(), st.uuids())
def test_a_token_brings_its_wish_back(message_id, contact_id):
    wish = Wish(message_id, contact_id)
    assert verify(sign(wish, NEW), (NEW,)) == wish


def test_old_secrets_still_verify():
    assert verify(sign(WISH, OLD), ("the newest secret", NEW, OLD)) == WISH


def test_a_foreign_secret_verifies_nothing():
    assert verify(sign(WISH, OLD), (NEW,)) is None


@given(st.data())
def test_any_changed_character_is_refused(data):
    token = sign(WISH, NEW)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([each for each in "0123456789abcdefg" if each != token[place]]))
    assert verify(token[:place] + other + token[place + 1 :], (NEW,)) is None


@pytest.mark.parametrize("token", ["", "x", "é" * 96, sign(WISH, NEW)[:-1], sign(WISH, NEW) + "0"])
def test_torn_tokens_are_refused(token):
    assert verify(token, (NEW,)) is None
