"""The folders of the landing zone: what is taken, what is left, where files go (SPEC 2, 9, DESIGN 3)."""

import itertools
import os
import threading
from pathlib import Path

import pytest

from tests.campaigns import START
from tests.integration.landing.zone import Zone, people
from xmit_pipeline.store.landing import fold_landing
from xmit_pipeline.store.landing_files import Folder, examined, landing_waits, put_away
from xmit_pipeline.store.list_feeds import folding

GOOD = "Email,First Name\nanna@example.com,Anna\nBEN@example.com,Ben\n"


def test_a_contact_file_is_imported_without_a_list(zone: Zone):
    zone.write("people.csv", GOOD)
    assert zone.fold().counts["created"] == 2
    assert zone.world.rows("SELECT email FROM contact ORDER BY email") == [
        {"email": "anna@example.com"},
        {"email": "ben@example.com"},
    ]
    assert zone.world.rows("FROM list") == []


def test_known_contacts_keep_what_they_have(zone: Zone):
    """SPEC 9: later values fill, and nothing is loosened."""
    zone.write("1.csv", "email,first name,status\nanna@example.com,Anna,unsubscribed\n")
    zone.write("2.csv", "email,first name,plan,status\nanna@example.com,Other,gold,active\n")
    zone.fold()
    assert zone.world.rows("SELECT first_name, metadata, status FROM contact") == [
        {"first_name": "Anna", "metadata": '{"plan":"gold"}', "status": "unsubscribed"}
    ]


def test_a_folded_file_is_kept_in_done_and_recorded(zone: Zone):
    path = zone.write("people.csv", GOOD)
    size = path.stat().st_size
    zone.fold()
    [kept] = (zone.home / "landing" / "done").iterdir()
    assert kept.name.endswith("-people.csv")
    assert kept.read_text() == GOOD
    assert not path.exists()
    [record] = zone.world.rows("SELECT folder, name, size, rows, refused, created, fault FROM landing_file")
    assert record == {
        "folder": "contacts",
        "name": "people.csv",
        "size": size,
        "rows": 2,
        "refused": 0,
        "created": 2,
        "fault": None,
    }


def test_bad_rows_go_to_a_report(zone: Zone):
    zone.write("people.csv", GOOD + "nobody,Carl\n")
    zone.fold()
    [report] = (zone.home / "reports").iterdir()
    assert "4,nobody,This is not an e-mail address: it has no @." in report.read_text()


def test_a_file_without_addresses_is_refused_with_its_sentence_beside_it(zone: Zone):
    zone.write("towns.csv", "Town\nAalen\n")
    [outcome] = zone.fold().files
    [kept, sentence] = sorted((zone.home / "landing" / "refused").iterdir())
    assert kept.name.endswith("-towns.csv")
    assert sentence.name == f"{kept.name}.txt"
    assert sentence.read_text() == f"{outcome.told}\n"
    assert "No column holds e-mail addresses." in sentence.read_text()
    assert zone.world.rows("SELECT fault FROM landing_file") == [{"fault": outcome.told}]


def test_a_refused_file_stops_no_other(zone: Zone):
    zone.write("a.csv", "")
    zone.write("b.parquet", "no parquet")
    zone.write("c.csv", GOOD)
    assert [outcome.told is None for outcome in zone.fold().files] == [False, False, True]


@pytest.mark.parametrize("name", [".hidden.csv", "people.csv.part", "people.csv.tmp", "people.txt", "README"])
def test_files_being_written_are_left_alone(zone: Zone, name: str):
    path = zone.write(name, GOOD)
    assert not landing_waits(zone.home)
    assert zone.fold().files == ()
    assert path.exists()


def test_what_is_no_file_is_left_alone(zone: Zone):
    zone.path("folder.csv", Folder.CONTACTS).mkdir()
    os.mkfifo(zone.path("pipe.csv", Folder.CONTACTS))
    zone.path("circle.csv", Folder.CONTACTS).symlink_to("circle.csv")
    zone.write("whole.csv", GOOD)
    assert [outcome.name for outcome in zone.fold().files] == ["whole.csv"]


@pytest.mark.parametrize("folder", list(Folder))
def test_waiting_files_are_seen_in_every_folder(zone: Zone, folder: Folder):
    assert not landing_waits(zone.home)
    zone.drop("News.parquet", people(range(1)), folder)
    assert landing_waits(zone.home)
    zone.fold()
    assert not landing_waits(zone.home)


def test_a_file_replaced_since_it_was_read_stays(zone: Zone):
    """A nightly job renames its next file over the one that is being folded."""
    path = zone.drop("News.parquet", people(range(2)))
    file = examined(path, Folder.LISTS)
    zone.drop(".fresh.parquet", people(range(5))).replace(path)
    assert put_away(zone.home, file, START) is None
    zone.fold()
    assert zone.members() == set(people(range(5)))


def test_a_file_that_still_grows_is_left_for_the_next_tick(zone: Zone):
    path = zone.write("people.csv", "email\n")
    whole = threading.Event()
    writer = threading.Thread(target=append_until, args=(path, whole))
    writer.start()
    [outcome] = zone.fold().files
    whole.set()
    writer.join()
    assert outcome.told is not None
    assert "still being written" in outcome.told
    assert zone.world.rows("FROM contact") == []
    rows = len(path.read_text().split()) - 1
    assert zone.fold().counts["created"] == rows


def append_until(path: Path, whole: threading.Event) -> None:
    """A program that writes in place, a row each half millisecond."""
    with path.open("a") as file:
        for number in itertools.count():
            file.write(f"person{number}@example.net\n")
            file.flush()
            if whole.wait(0.0005):
                return


def test_two_folds_at_once_are_one(zone: Zone):
    """PAINS A2: the second says why it does nothing."""
    zone.drop("News.parquet", people(range(1)))
    with folding(zone.home, patience_seconds=0):
        report = fold_landing(zone.world.store, zone.home, START)
    assert report.files == ()
    assert report.note == "Another process is folding files right now; the next tick looks again."
    assert len(zone.fold().files) == 1


@pytest.mark.parametrize(
    "name",
    [
        "it's; DROP TABLE list--.parquet",
        "[a-z]*?.parquet",
        "-rf ~.parquet",
        "Zoë \N{SNOWMAN} \U0001f984.parquet",
        "$(reboot) `id` %s {0}.parquet",
        "%2e%2e%2fup.parquet",
        " spaced .PARQUET",
    ],
)
def test_odd_names_are_names_like_others(zone: Zone, name: str):
    zone.drop(name, people(range(2)))
    [outcome] = zone.fold().files
    assert outcome.told is None
    assert zone.members(name.split(".", maxsplit=1)[0].strip()) == set(people(range(2)))
    assert zone.left_behind("done") != []


@pytest.mark.parametrize(
    "name",
    [
        "@2026-03-02.parquet",
        " .parquet",
        "two\nlines.parquet",
        "bell\a.parquet",
        "x" * 240 + ".parquet",
        os.fsdecode(b"not utf-8 \xff\xfe.parquet"),
    ],
)
def test_names_that_name_no_list_are_refused(zone: Zone, name: str):
    zone.drop("given.parquet", people(range(2))).rename(zone.path(name, Folder.LISTS))
    [outcome] = zone.fold().files
    assert outcome.told
    assert zone.world.rows("FROM list") == []
    assert len(zone.left_behind("refused")) == 2
    assert zone.left_behind("lists") == []


def test_a_contact_file_with_the_longest_name_is_kept(zone: Zone):
    zone.write("n" * 251 + ".csv", GOOD + "nobody,Carl\n")
    assert zone.fold().files[0].told is None
    [kept] = zone.left_behind("done")
    assert kept.endswith("n.csv")
    assert len(list((zone.home / "reports").iterdir())) == 1


def test_a_list_is_the_same_in_both_forms_of_unicode(zone: Zone):
    """A Mac writes é as two letters; that must not make a second list."""
    zone.drop("Cafe\u0301.parquet", people(range(1)))
    zone.drop("Caf\u00e9@2.parquet", people(range(1)))
    zone.fold()
    assert zone.world.rows("SELECT name FROM list") == [{"name": "Caf\u00e9"}]


def test_a_link_is_moved_and_not_what_it_points_to(zone: Zone, tmp_path: Path):
    target = tmp_path / "elsewhere.csv"
    target.write_text(GOOD)
    zone.path("linked.csv", Folder.CONTACTS).symlink_to(target)
    assert zone.fold().counts["created"] == 2
    assert target.exists()
    assert zone.left_behind("contacts") == []
