"""Two mails to one person keep apart where the setting says so, and only there (SPEC 6.1)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.campaigns import START, World
from xmit_pipeline.store.explain import explain
from xmit_pipeline.store.findings import sending_findings
from xmit_pipeline.store.frontier import due_groups, look

GAP = timedelta(minutes=30)


@pytest.fixture
def in_two(world: World) -> World:
    """Three people, due in two sequences at once; one more in the second alone."""
    world.domain()
    people = world.people(4)
    world.enroll(world.sequence(name="first", priority=1), people[:3])
    world.enroll(world.sequence(name="second", priority=2), people)
    return world


def sent_of(world: World, sequence: str) -> int:
    [row] = world.rows(
        "SELECT count(*) AS n FROM message JOIN sequence ON sequence.id = message.sequence_id "
        "WHERE message.state = 'sent' AND sequence.name = $name",
        name=sequence,
    )
    return row["n"]


def test_without_a_gap_both_go_in_one_tick(in_two: World):
    """PAINS E9: a cap that is not set is no cap."""
    assert in_two.tick(START).counts["sent"] == 7


def test_the_later_mail_waits_for_the_gap(in_two: World):
    in_two.settings = replace(in_two.settings, contact_gap=GAP)
    in_two.tick(START)
    assert (sent_of(in_two, "first"), sent_of(in_two, "second")) == (3, 1)
    in_two.tick(START + GAP - timedelta(minutes=1))
    assert sent_of(in_two, "second") == 1
    in_two.tick(START + GAP)
    assert sent_of(in_two, "second") == 4


def test_who_waits_for_the_gap_is_told_so(in_two: World):
    """PAINS C9: explain, doctor and the schedule's look see a wait, and not a schedule that stands still."""
    in_two.settings = replace(in_two.settings, contact_gap=GAP)
    in_two.tick(START)
    now = START + timedelta(minutes=20)
    in_two.tick(now)
    [waiting] = in_two.rows("SELECT id FROM enrollment WHERE status = 'active' ORDER BY id LIMIT 1")
    with in_two.store.snapshot() as connection:
        told = explain(connection, waiting["id"], now, timedelta(hours=24), GAP)
        groups = due_groups(connection, now, GAP)
        findings = list(sending_findings(connection, now, gap=GAP))
        assert look(connection, now + timedelta(seconds=30), GAP) is None
        assert look(connection, START + GAP, GAP) == "mail is due"
    assert (told.facts["wall"], told.facts["earliest_at"]) == ("contact_gap", START + GAP)
    assert "keep apart" in told.sentences[-1]
    assert [(group.due, group.deferred, group.wall, group.frees_at) for group in groups] == [
        (3, 3, "contact_gap", START + GAP)
    ]
    assert not any("No schedule" in finding.remedy for finding in findings)
