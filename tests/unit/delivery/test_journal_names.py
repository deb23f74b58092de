"""The journal's files stand in the order of their lines, whatever the clock does (SPEC 6.10)."""

import os
import time
from collections.abc import Generator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from xmit_pipeline.delivery import journal as module
from xmit_pipeline.delivery.journal import KEEP_FILES, SETTLES_NS, Entry, Journal
from xmit_pipeline.model.ids import new_id

DAY = timedelta(days=1)
TODAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[datetime]:
    """The wall clock that names the files; `off` is how wrong it is."""

    class Clock(datetime):
        off = timedelta()

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # noqa: ARG003
            return TODAY + cls.off

    monkeypatch.setattr(module, "datetime", Clock)
    return Clock


@pytest.fixture(params=["line by line", "kept open"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Journal]:
    journal = Journal(tmp_path)
    with journal.kept_open() if request.param == "kept open" else nullcontext():
        yield journal


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.jsonl"))


def test_the_newest_post_is_the_one_appended_last(tmp_path: Path, journal: Journal, clock: type[datetime]):
    clock.off = 30 * DAY  # type: ignore[attr-defined]
    journal.posted("ahead", TODAY)
    clock.off = timedelta()  # type: ignore[attr-defined]
    journal.posted("back", TODAY)
    assert journal.newest() == "back"
    assert list(journal.last_words()) == ["ahead", "back"]
    assert names(tmp_path) == ["2026-04-01", "2026-04-01.2026-03-02"]


def test_names_go_on_by_day_after_a_clock_ahead(tmp_path: Path, journal: Journal, clock: type[datetime]):
    for off in (30, 0, 1, 0, 31):
        clock.off = off * DAY  # type: ignore[attr-defined]
        journal.posted(f"at {off}", TODAY)
    assert names(tmp_path) == ["2026-04-01", "2026-04-01.2026-03-02", "2026-04-01.2026-03-03", "2026-04-02"]
    assert journal.newest() == "at 31"


def test_an_acceptance_that_comes_late_is_not_the_newest_post(journal: Journal):
    """Another process's test send may be posted between a post and its answer."""
    journal.posted("one", TODAY)
    journal.posted("a test", TODAY)
    journal.accepted("one", TODAY, "provider")
    assert journal.newest() == "a test"
    assert journal.last_words()["one"].entry is Entry.ACCEPTED


def test_a_clock_ahead_prunes_none_of_the_last_days(tmp_path: Path, journal: Journal, clock: type[datetime]):
    for day in range(KEEP_FILES + 9):
        clock.off = day * DAY  # type: ignore[attr-defined]
        journal.posted(f"day {day}", TODAY)
    journal.prune(TODAY + 4000 * DAY)
    assert len(names(tmp_path)) == KEEP_FILES
    assert next(iter(journal.last_words())) == "day 9"


def test_days_within_a_month_are_kept_however_many(journal: Journal, clock: type[datetime]):
    for day in range(KEEP_FILES + 9):
        clock.off = day * DAY  # type: ignore[attr-defined]
        journal.posted(f"day {day}", TODAY)
    journal.prune(TODAY + 32 * DAY)
    assert next(iter(journal.last_words())) == "day 2"


def test_a_dead_ticks_lines_are_found_though_the_clock_went_back(journal: Journal, clock: type[datetime]):
    """Its request was made while the clock was ahead, and posted after it had been set right."""
    request = str(new_id())
    clock.off = -4000 * DAY  # type: ignore[attr-defined]
    journal.posted(request, TODAY)
    clock.off = timedelta()  # type: ignore[attr-defined]
    assert journal.words_on({request})[request].entry is Entry.POSTED


def test_a_new_files_name_is_on_the_disk_with_its_line(journal: Journal, monkeypatch: pytest.MonkeyPatch):
    """PAINS A11: a power cut must not lose the first file of a day, and with it what it says was posted."""
    synced: list[bool] = []
    sync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda file: (synced.append(Path(f"/proc/self/fd/{file}").resolve().is_dir()), sync(file)),
    )
    journal.posted("one", TODAY)
    journal.posted("two", TODAY)
    assert synced == [True, False, False]


def test_lines_of_earlier_versions_are_read(tmp_path: Path):
    """They name neither sender nor contacts."""
    line = orjson.dumps(
        {
            "request": "one",
            "entry": "posted",
            "at": TODAY,
            "step": "s",
            "messages": ["m"],
            "enrollments": ["e"],
        }
    )
    (tmp_path / "2026-03-02.jsonl").write_bytes(b"\n" + line)
    [read] = Journal(tmp_path).last_words().values()
    assert (read.step_id, read.message_ids, read.contact_ids, read.sender_id) == ("s", ("m",), (), "")


def test_a_name_that_another_process_makes_is_gone_on_with(
    tmp_path: Path, journal: Journal, clock: type[datetime]
):
    """A file that is kept open is left as soon as a later name stands beside it; SPEC 6.10 rests on the order."""
    journal.posted("one", TODAY)
    time.sleep(3 * SETTLES_NS / 1e9)
    journal.posted("two", TODAY)
    clock.off = 30 * DAY  # type: ignore[attr-defined]
    Journal(tmp_path).posted("ahead", TODAY)
    clock.off = timedelta()  # type: ignore[attr-defined]
    for request in ("three", "four"):
        journal.posted(request, TODAY)
        assert journal.newest() == request


def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path, journal: Journal):
    journal.posted("one", TODAY)
    time.sleep(3 * SETTLES_NS / 1e9)
    journal.posted("two", TODAY)
    next(tmp_path.glob("*.jsonl")).unlink()
    journal.posted("three", TODAY)
    assert list(journal.last_words()) == ["three"]


def test_a_journal_holds_no_file_open_between_windows(tmp_path: Path):
    journal = Journal(tmp_path)
    with journal.kept_open():
        journal.posted("one", TODAY)
        assert open_files(tmp_path) == 1
    assert open_files(tmp_path) == 0
    journal.posted("two", TODAY)
    assert open_files(tmp_path) == 0


def open_files(folder: Path) -> int:
    held = Path("/proc/self/fd").iterdir()
    return sum(each.exists() and each.resolve().is_relative_to(folder) for each in held)
