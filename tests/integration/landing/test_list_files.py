"""Files that rewrite a list: who joins, who leaves, who is enrolled, once ever (SPEC 2, Triggers)."""

from datetime import timedelta

import pytest

from tests.campaigns import START
from tests.integration.landing.zone import Zone, people
from xmit_pipeline.store import sequences
from xmit_pipeline.store.landing_files import Folder

TOMORROW = START + timedelta(days=1)


def test_a_file_becomes_the_list_it_names(zone: Zone):
    zone.drop("News@2026-03-02.parquet", people(range(3)))
    [outcome] = zone.fold().files
    assert zone.members() == set(people(range(3)))
    assert outcome.counts == {"rows": 3, "refused": 0, "created": 3, "joined": 3, "gone": 0, "waiting": 0}


def test_new_members_are_enrolled_by_the_next_tick(zone: Zone):
    """PAINS C7: the trigger fires on a fresh install, and mail goes out."""
    zone.trigger()
    zone.drop("News.parquet", people(range(3)))
    assert zone.fold().counts["waiting"] == 3
    assert zone.enrolled() == set()
    assert zone.fire().enrolled == 3
    assert zone.world.tick(START).counts["sent"] == 3


def test_who_is_missing_leaves_and_new_ones_join(zone: Zone):
    zone.night(people(range(4)))
    zone.night(people(range(2, 6)), TOMORROW)
    assert zone.members() == set(people(range(2, 6)))
    left = zone.world.rows("SELECT left_at FROM list_ledger WHERE left_at IS NOT NULL")
    assert left == [{"left_at": TOMORROW}] * 2


def test_leaving_a_list_ends_no_enrollment(zone: Zone):
    zone.trigger()
    zone.night(people(range(3)))
    zone.night([], TOMORROW)
    assert zone.members() == set()
    assert zone.world.rows("SELECT DISTINCT status FROM enrollment") == [{"status": "active"}]


def test_coming_back_to_a_list_enrolls_nobody_anew(zone: Zone):
    """PAINS A8: remove from the list, add again: nothing."""
    zone.trigger()
    zone.night(people(range(3)))
    zone.night([], TOMORROW)
    assert zone.night(people(range(3)), TOMORROW + timedelta(days=1)).enrolled == 0
    assert zone.members() == set(people(range(3)))


def test_back_by_api_after_leaving_by_file_enrolls_nobody_anew(zone: Zone):
    """PAINS A8, over both ways onto a list."""
    list_id, _ = zone.trigger()
    zone.night(people(range(3)))
    zone.night([], TOMORROW)
    assert zone.join(list_id, people(range(3)), TOMORROW).enrolled == 0


def test_back_by_file_after_leaving_by_api_enrolls_nobody_anew(zone: Zone):
    """PAINS A8, over both ways onto a list."""
    list_id, _ = zone.trigger()
    zone.world.people(3)
    zone.join(list_id, people(range(3)))
    zone.leave(list_id, people(range(3)))
    assert zone.night(people(range(3)), TOMORROW).enrolled == 0
    assert len(zone.enrolled()) == 3


@pytest.mark.parametrize("status", ["draft", "paused"])
def test_pairs_first_seen_while_nothing_is_active_are_only_marked(zone: Zone, status: str):
    """PAINS D3: nobody collects before a sequence and gets mailed when it starts."""
    _, sequence_id = zone.trigger()
    zone.world.change("UPDATE sequence SET status = $status WHERE id = $id", status=status, id=sequence_id)
    zone.night(people(range(3)))
    zone.world.change("UPDATE sequence SET status = 'active' WHERE id = $id", id=sequence_id)
    assert zone.night(people(range(5)), TOMORROW).enrolled == 2
    assert zone.enrolled() == set(people(range(3, 5)))


def test_a_pause_between_file_and_tick_keeps_them_waiting(zone: Zone):
    _, sequence_id = zone.trigger()
    zone.drop("News.parquet", people(range(3)))
    zone.fold()
    with zone.world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, START)
    assert zone.fire().enrolled == 0
    with zone.world.store.transaction() as connection:
        sequences.resume(connection, sequence_id, TOMORROW)
    assert zone.fire(TOMORROW).enrolled == 3


def test_an_archive_between_file_and_tick_drops_them(zone: Zone):
    _, sequence_id = zone.trigger()
    zone.drop("News.parquet", people(range(3)))
    zone.fold()
    with zone.world.store.transaction() as connection:
        sequences.archive(connection, sequence_id, START)
    assert zone.fire().skipped_reasons == {"withdrawn": 3}
    assert zone.world.rows("FROM list_firing") == []


def test_who_left_between_file_and_tick_is_not_enrolled(zone: Zone):
    zone.trigger()
    zone.drop("News@1.parquet", people(range(3)))
    zone.drop("News@2.parquet", people(range(1)))
    zone.fold()
    assert zone.fire().skipped_reasons == {"withdrawn": 2}
    assert zone.enrolled() == set(people(range(1)))


def test_a_sequence_started_between_file_and_tick_gets_nobody(zone: Zone):
    """As an API's add before its activation would not have: only those of now are fired."""
    list_id, _ = zone.trigger()
    zone.drop("News.parquet", people(range(3)))
    zone.fold()
    later = zone.world.sequence(name="Later", list_id=list_id)
    zone.fire()
    assert zone.world.rows("FROM enrollment WHERE sequence_id = $id", id=later) == []


def test_each_active_sequence_on_the_list_enrolls_once(zone: Zone):
    list_id, _ = zone.trigger()
    zone.world.sequence(name="Another", list_id=list_id)
    assert zone.night(people(range(3))).enrolled == 6


def test_suppressed_and_unsubscribed_members_are_not_enrolled(zone: Zone):
    zone.trigger()
    zone.world.change(
        "INSERT INTO suppression (id, email, reason, source, created_at) "
        "VALUES (uuidv7(), 'person0@example.net', 'manual', 'test', $now)",
        now=START,
    )
    zone.write(
        "News.csv", "email,status\nperson0@example.net,\nperson1@example.net,unsubscribed\n", Folder.LISTS
    )
    zone.fold()
    assert zone.fire().skipped_reasons == {"suppressed": 1, "inactive": 1}


def test_a_sequence_that_reenrolls_takes_back_who_had_left(zone: Zone):
    """SPEC 3: where the pair had left the list since; being in every night's file is not leaving."""
    _, sequence_id = zone.trigger()
    zone.world.change("UPDATE sequence SET reenroll = true WHERE id = $id", id=sequence_id)
    zone.night(people(range(3)))
    zone.world.tick(START)
    zone.night(people(range(1, 3)), TOMORROW)
    assert zone.night(people(range(3)), TOMORROW + timedelta(days=1)).enrolled == 1
    enrollments = zone.world.rows("SELECT count(*) AS n FROM enrollment GROUP BY contact_id ORDER BY n")
    assert [row["n"] for row in enrollments] == [1, 1, 2]


def test_a_file_in_add_only_adds(zone: Zone):
    zone.trigger()
    zone.night(people(range(3)))
    zone.drop("News.parquet", people(range(2, 5)), Folder.ADDITIONS)
    zone.fold(TOMORROW)
    assert zone.fire(TOMORROW).enrolled == 2
    assert zone.members() == set(people(range(5)))


def test_several_files_for_a_list_go_by_name(zone: Zone):
    zone.drop("News@2026-03-03.parquet", people(range(5)))
    zone.drop("News@2026-03-02.parquet", people(range(2)))
    assert [outcome.name for outcome in zone.fold().files] == [
        "News@2026-03-02.parquet",
        "News@2026-03-03.parquet",
    ]
    assert zone.members() == set(people(range(5)))


def test_other_columns_become_fields_of_the_contact(zone: Zone):
    zone.drop("News.parquet", people(range(1)), first_name="Anna", Plan="gold")
    zone.fold()
    assert zone.world.rows("SELECT first_name, metadata FROM contact") == [
        {"first_name": "Anna", "metadata": '{"plan":"gold"}'}
    ]


def test_an_address_named_in_a_refused_row_does_not_leave(zone: Zone):
    """A value that can't be taken is a fault of that row, not somebody's leaving."""
    zone.night(people(range(2)))
    text = f"email,note\nperson0@example.net,fine\nPerson1@example.net,{'x' * 10_001}\n"
    zone.write("News.csv", text, Folder.LISTS)
    [outcome] = zone.fold(TOMORROW).files
    assert (outcome.counts["refused"], outcome.counts["gone"]) == (1, 0)


def test_a_rewrite_of_nothing_but_bad_rows_is_refused_whole(zone: Zone):
    zone.night(people(range(2)))
    zone.write("News.csv", "email\nnobody\n", Folder.LISTS)
    [outcome] = zone.fold(TOMORROW).files
    assert (
        outcome.told
        == "Not one of 1 rows is good; the first: line 2: This is not an e-mail address: it has no @."
    )
    assert zone.members() == set(people(range(2)))


def test_a_deleted_contact_leaves_with_the_next_rewrite(zone: Zone):
    zone.night(people(range(2)))
    zone.world.change(
        "UPDATE contact SET email = NULL, deleted_at = $now WHERE email = 'person0@example.net'", now=START
    )
    zone.night(people(range(1, 2)), TOMORROW)
    assert zone.world.rows("SELECT count(*) AS n FROM list_member") == [{"n": 1}]
