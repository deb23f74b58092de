"""Folds that die, come again, or run twice: same end as one that went through (SPEC 2, PAINS A2, G4)."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from tests.campaigns import START
from tests.integration.landing.zone import Zone, people
from xmit_pipeline.store.landing_files import Folder

FOLD = """
    import sys
    from pathlib import Path
    from tests.campaigns import START
    from xmit_pipeline.store import list_feeds
    from xmit_pipeline.store.connection import EmbeddedStore
    from xmit_pipeline.store.landing import fold_landing

    class Telling(EmbeddedStore):
        def transaction(self):
            print("transaction", flush=True)
            return super().transaction()

    list_feeds.SLICE = 250
    home = Path(sys.argv[1])
    fold_landing(Telling(home / "xmit.duckdb"), home, START)
"""


def killed_fold(zone: Zone, transactions: int) -> None:
    """A process that folds in small slices, and is killed in or after the transaction of this number."""
    zone.world.store.close()
    command = [sys.executable, "-c", textwrap.dedent(FOLD), str(zone.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(transactions):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)


def test_a_fold_killed_again_and_again_ends_like_one_that_lived(zone: Zone):
    """10,000 named, 40 slices of which join and 8 of which leave; killed in both halves."""
    zone.trigger()
    zone.night(people(range(4_000)))
    zone.drop("News.parquet", people(range(2_000, 12_000)))
    for transactions in (1, 12, 30, 44):
        killed_fold(zone, transactions)
    assert 10_000 < len(zone.members()) < 12_000
    zone.fold()
    zone.fire()
    assert zone.members() == set(people(range(2_000, 12_000)))
    assert zone.enrolled() == set(people(range(12_000)))
    assert zone.world.rows("SELECT count(*) AS n FROM landing_file") == [{"n": 2}]
    assert zone.left_behind("lists") == []


def test_a_death_between_record_and_move_only_moves(zone: Zone):
    """What the API changed after the fold is not undone by a file that was dealt with."""
    list_id = zone.trigger_list()
    path = zone.drop("News.parquet", people(range(3)))
    zone.fold()
    [kept] = (zone.home / "landing" / "done").iterdir()
    kept.rename(path)
    zone.leave(list_id, people(range(1)))
    [outcome] = zone.fold().files
    assert outcome.told == "It was dealt with before, and is now moved away."
    assert zone.members() == set(people(range(1, 3)))
    assert zone.left_behind("lists") == []


def test_a_death_before_a_refused_file_was_moved_refuses_it_again(zone: Zone):
    path = zone.write("towns.csv", "Town\nAalen\n")
    zone.fold()
    kept = next(path for path in (zone.home / "landing" / "refused").iterdir() if path.suffix == ".csv")
    kept.rename(path)
    zone.fold()
    assert zone.left_behind("done") == []
    assert len(zone.left_behind("refused")) == 2


@pytest.mark.parametrize("folder", list(Folder))
def test_a_replayed_file_enrolls_nobody_anew(zone: Zone, folder: Folder):
    zone.trigger()
    path = zone.drop("News.parquet", people(range(3)), folder)
    copy = zone.home / "copy.parquet"
    shutil.copy(path, copy)
    zone.fold()
    enrolled = zone.fire().enrolled
    for name in ("News.parquet", "News@again.parquet"):
        shutil.copy(copy, zone.path(name, folder))
        zone.fold()
        assert zone.fire().enrolled == 0
    assert len(zone.enrolled()) == enrolled


def test_the_same_list_two_nights_later_is_taken_again(zone: Zone):
    """The bytes were seen before, but the list has changed since."""
    zone.night(people(range(3)))
    zone.night(people(range(1)))
    zone.night(people(range(3)))
    assert zone.members() == set(people(range(3)))


def test_files_that_stay_are_folded_once(zone: Zone):
    """PAINS A2: with no folder to move to, two rewrites of a list must not take turns for ever."""
    done = zone.home / "landing" / "done"
    done.parent.mkdir()
    done.write_text("a file in the way")
    zone.drop("News@1.parquet", people(range(1)))
    zone.drop("News@2.parquet", people(range(1, 2)))
    _, again, report = [zone.fold(START + timedelta(minutes=minute)) for minute in range(3)]
    assert again.counts["joined"] == again.counts["gone"] == 0
    assert report.note == f"{done} can't be read and written; check its owner and rights."
    assert {file.told for file in report.files} == {
        "It was dealt with, but can't be moved to landing/done: File exists. It is passed over until it can."
    }
    assert zone.world.rows("SELECT count(*) AS n FROM landing_file") == [{"n": 2}]
    done.unlink()
    zone.fold()
    assert zone.left_behind("lists") == []


def test_a_copy_of_an_older_file_is_news(zone: Zone):
    """Put back from a backup with its name and time: the list goes back to what it was."""
    kept = zone.home / "backup.parquet"
    shutil.copy2(zone.drop("News.parquet", people(range(3))), kept)
    zone.fold()
    zone.night(people(range(1)))
    shutil.copy2(kept, zone.path("News.parquet", Folder.LISTS))
    zone.fold()
    assert zone.members() == set(people(range(3)))
