"""A disk that fills in the middle of a line: what can't be kept whole must not be posted (SPEC 6.2)."""

import resource
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.campaigns import START
from xmit_pipeline.delivery.journal import Journal


@contextmanager
def room(size: int) -> Generator[None]:
    """No file may grow beyond this; what crosses it is cut, as on a disk with a few bytes left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kept_open", [False, True])
@pytest.mark.parametrize("left", [0, 1, 20])
def test_a_line_that_is_cut_is_refused(tmp_path: Path, left: int, *, kept_open: bool):
    journal = Journal(tmp_path)
    journal.posted("one", START)
    [file] = tmp_path.glob("*.jsonl")
    open_or_not = journal.kept_open() if kept_open else nullcontext()
    with (
        open_or_not,
        room(file.stat().st_size + left),
        pytest.raises(OSError, match=r"File too large|No space"),
    ):
        journal.posted("two", START)
    journal.posted("three", START)
    assert list(journal.last_words()) == ["one", "three"]
