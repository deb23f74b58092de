"""Real runs of the tick, and nights in which the job deletes: the history stops growing (DESIGN 6)."""

from pathlib import Path

import pytest

from benchmarks.history import growth, history_after_each_day

RUNS_A_DAY = 3
FULL_AFTER = 5
"""Three days are kept, a fourth is being filled, and one more shows that its pages are used again."""


def test_history_of_real_runs_is_bounded(home: Path, monkeypatch: pytest.MonkeyPatch):
    """24 runs over eight days; each adds about 170 KB before the first deletion, afterwards a tenth of that at most.

    Half-empty pages settle for some days more; `benchmarks history` fits 200 runs, and finds next to nothing.
    """
    monkeypatch.setenv("SENDGRID_HOST", "http://127.0.0.1:9")
    sizes = history_after_each_day(home, 8, RUNS_A_DAY)
    filling, full = growth(sizes[:3], RUNS_A_DAY), growth(sizes[FULL_AFTER:], RUNS_A_DAY)
    assert filling > 20_000
    assert full < filling / 10
