"""What a dead tick's request came to: the journal's word, and without one the store's and the boot's (SPEC 6.7)."""

from datetime import UTC, datetime

import polars as pl
import pytest

from xmit_pipeline.delivery import recovery
from xmit_pipeline.delivery.journal import Entry, Line
from xmit_pipeline.delivery.recovery import NO_BOOT, boot_id, fates_by

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def fate(state: str, boot: str | None, entry: Entry | None) -> str:
    left = pl.DataFrame({"request_id": ["one"], "state": [state], "boot_id": [boot]})
    words = {"one": Line("one", entry, NOW)} if entry else {}
    return fates_by(left, words, NOW)["outcome"].item()


@pytest.mark.parametrize("state", ["claimed", "inflight"])
@pytest.mark.parametrize("boot", ["this", "another", None])
@pytest.mark.parametrize(
    ("entry", "expected"),
    [(Entry.POSTED, "unknown"), (Entry.ACCEPTED, "accepted"), (Entry.NOT_SENT, "released")],
)
def test_the_journals_word_decides_whatever_the_store_knows(
    state: str, boot: str | None, entry: Entry, expected: str
):
    """A store copied amid a tick knows as claimed what went out long ago."""
    assert fate(state, boot_id() if boot == "this" else boot, entry) == expected


def test_without_a_word_only_this_boots_requests_never_left():
    assert fate("inflight", boot_id(), None) == "released"
    assert fate("claimed", None, None) == "released"
    assert fate("inflight", "another", None) == "unknown"


def test_where_no_boot_has_a_name_what_was_under_way_is_unknown(monkeypatch: pytest.MonkeyPatch):
    """Nobody can tell there whether the power failed, and the line with it."""
    monkeypatch.setattr(recovery, "boot_id", lambda: NO_BOOT)
    assert fate("inflight", NO_BOOT, None) == "unknown"
    assert fate("claimed", None, None) == "released"
