"""A restored store and a wrong clock send nothing by themselves, and nothing twice after (SPEC 6.10)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.acceptance.backups import DAY, back_up, restore, taken_back
from tests.campaigns import START, World
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.model.outcomes import UnknownPolicy


@pytest.fixture
def running(world: World) -> World:
    """Thirty people, three daily steps, the first of them sent; a day's limit, so that nothing is spread."""
    world.domain(warmup_on=True, pacing=False, table=[1000], hold_target=True)
    world.enroll(world.sequence((0, 1, 1)), world.people(30))
    world.tick(START)
    return world


def test_a_restored_backup_sends_nothing_before_reconcile_and_nothing_twice_after(running: World):
    """PAINS A11."""
    back_up(running)
    running.tick(START + DAY)
    restore(running)
    refused = running.tick(START + DAY)
    assert "xmit reconcile" in (refused.report.note or "")
    assert len(running.delivered()) == 60
    assert taken_back(running, START + DAY).taken_back.messages == 30
    for days in (1, 2, 3):
        running.tick(START + days * DAY)
    assert len(running.delivered()) == 90
    assert set(running.delivered().values()) == {1}
    sent = running.rows("SELECT count(*) AS n FROM message WHERE state = 'sent' GROUP BY step_id")
    assert [row["n"] for row in sent] == [30, 30, 30]


def test_two_steps_behind_are_both_taken_back(running: World):
    back_up(running)
    running.tick(START + DAY)
    running.tick(START + 2 * DAY)
    restore(running)
    taken_back(running, START + 2 * DAY)
    assert running.tick(START + 3 * DAY).counts["claimed"] == 0
    assert running.rows("SELECT status, count(*) AS n FROM enrollment GROUP BY status") == [
        {"status": "completed", "n": 30}
    ]


def test_a_resend_since_the_backup_comes_back_as_one_message(running: World):
    """The journal knows two posts of each: still one message a step, and nobody is mailed again."""
    back_up(running)
    running.settings = replace(running.settings, unknown_policy=UnknownPolicy.RESEND)
    running.faults({"kind": "reset", "when": "before"})
    running.tick(START + DAY)
    running.tick(START + 2 * DAY)
    restore(running)
    taken_back(running, START + 2 * DAY)
    assert running.tick(START + 2 * DAY + timedelta(minutes=1)).counts["claimed"] == 0
    assert running.rows("SELECT resends, count(*) AS n FROM message GROUP BY resends ORDER BY resends") == [
        {"resends": 0, "n": 30},
        {"resends": 1, "n": 30},
    ]


def test_links_of_mail_sent_since_the_backup_still_work(running: World):
    """The message keeps its id, so its unsubscribe link and its events find it."""
    back_up(running)
    running.tick(START + DAY)
    before = running.rows("SELECT id FROM message ORDER BY id")
    restore(running)
    taken_back(running, START + DAY)
    assert running.rows("SELECT id FROM message ORDER BY id") == before


def test_people_who_joined_since_the_backup_are_counted_as_strangers(running: World):
    back_up(running)
    sequence = running.rows("SELECT id FROM sequence")[0]["id"]
    running.enroll(sequence, running.people(5, prefix="late"))
    running.tick(START + timedelta(minutes=1))
    restore(running)
    assert taken_back(running, START + DAY).taken_back.strangers == 5
    assert running.tick(START + DAY).report.note is None


def test_reconcile_twice_is_as_once(running: World):
    back_up(running)
    running.tick(START + DAY)
    restore(running)
    taken_back(running, START + DAY)
    assert taken_back(running, START + DAY).taken_back.messages == 0


def test_a_clock_set_back_two_hours_sends_nothing_early_or_twice(running: World):
    due = START + DAY
    running.tick(due - timedelta(minutes=1))
    set_back = due - timedelta(hours=2)
    assert "The clock says" in (running.tick(set_back).report.note or "")
    assert running.tick(due).counts["sent"] == 30
    assert set(running.delivered().values()) == {1}


def test_a_clock_a_month_ahead_doubles_nothing_and_needs_a_word_on_its_return(running: World):
    ahead = START + 30 * DAY
    assert running.tick(ahead).counts["sent"] == 30
    back = START + timedelta(minutes=5)
    assert running.tick(back).report.refused
    assert taken_back(running, back).later_ticks == 1
    assert not running.tick(back).report.refused
    newcomers = running.people(2, prefix="new", now=back)
    running.enroll(running.rows("SELECT id FROM sequence")[0]["id"], newcomers, back)
    assert running.tick(back + timedelta(minutes=1)).counts["sent"] == 2
    assert set(running.delivered().values()) == {1}


def test_a_refused_tick_leaves_its_reason_on_record(running: World):
    running.tick(START - DAY)
    [tick] = running.rows("SELECT note, sent FROM tick ORDER BY started_at DESC LIMIT 1")
    assert tick["sent"] == 0
    assert "The clock says" in tick["note"]


def test_the_journals_newest_id_is_kept_for_ever(running: World):
    journal = Journal(running.settings.journal)
    newest = journal.newest()
    journal.prune(datetime.now(START.tzinfo) + timedelta(days=4000))
    assert journal.newest() == newest is not None
