"""Sequence moves: draft -> active <-> paused -> archived, draft -> archived, nothing else (SPEC 2)."""

import itertools

import pytest

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.lifecycle import SequenceAction, SequenceStatus, moved

ALLOWED = {
    ("draft", "activate"): "active",
    ("active", "pause"): "paused",
    ("paused", "resume"): "active",
    ("draft", "archive"): "archived",
    ("active", "archive"): "archived",
    ("paused", "archive"): "archived",
}


@pytest.mark.parametrize(("status", "action"), list(itertools.product(SequenceStatus, SequenceAction)))
def test_only_the_contracts_moves_are_made(status, action):
    target = ALLOWED.get((status, action))
    if target:
        assert moved(status, action) == target
    else:
        with pytest.raises(Conflict, match=f"is {status}"):
            moved(status, action)
