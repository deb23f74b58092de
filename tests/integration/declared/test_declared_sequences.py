"""Sequences and steps from a file, whatever state they and the people in them are in (SPEC 2)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.campaigns import START
from tests.integration.declared.files import Desk, content, fields, marked, sequence, step
from xmit_pipeline.cli.declared_file import read_declaration
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.store import sequences
from xmit_pipeline.store.declared import Mark
from xmit_pipeline.store.declared_apply import apply
from xmit_pipeline.store.lists import add_contacts

A, B, C, D = step("A"), step("B", delay="1 day"), step("C", delay="2 days"), step("D", delay="3 hours")


def join(desk: Desk, count: int) -> None:
    [row] = desk.world.rows("SELECT id FROM list WHERE deleted_at IS NULL")
    people = desk.world.people(count)
    with desk.world.store.transaction() as connection:
        add_contacts(connection, row["id"], list(people), START)


def sent(desk: Desk) -> dict[str, int]:
    rows = desk.world.rows(
        "SELECT step.name, count(*) AS n FROM message JOIN step ON step.id = message.step_id "
        "WHERE state = 'sent' GROUP BY ALL"
    )
    return {row["name"]: row["n"] for row in rows}


def test_a_file_makes_a_sequence_that_sends(desk: Desk):
    found = desk.apply(content(sequence(A, B)))
    assert marked(found.changes[-1].parts) == [(Mark.CREATE, "step", "A"), (Mark.CREATE, "step", "B")]
    join(desk, 3)
    desk.world.tick(START)
    desk.world.tick(START + timedelta(days=1))
    assert sent(desk) == {"A": 3, "B": 3}


@pytest.mark.parametrize(
    ("wanted", "marks"),
    [
        ((A, D, B, C), [(Mark.CREATE, "D")]),
        ((D, A, B, C), [(Mark.CREATE, "D")]),
        ((A, B, C, D), [(Mark.CREATE, "D")]),
        ((A, C), [(Mark.REMOVE, "B")]),
        ((A, D, C), [(Mark.CREATE, "D"), (Mark.REMOVE, "B")]),
        ((D,), [(Mark.CREATE, "D"), (Mark.REMOVE, "A"), (Mark.REMOVE, "B"), (Mark.REMOVE, "C")]),
        ((A, step("B", delay="4 days"), C), [(Mark.CHANGE, "B")]),
        ((A, step("B2", renamedFrom="B", delay="1 day", subject="About B"), C), [(Mark.CHANGE, "B")]),
    ],
)
@pytest.mark.parametrize("status", ["draft", "active", "paused"])
def test_steps_become_those_of_the_file(
    desk: Desk, status: str, wanted: tuple[dict[str, Any], ...], marks: list[tuple[Mark, str]]
):
    desk.apply(content(sequence(A, B, C, status=status)))
    [change] = desk.apply(content(sequence(*wanted, status=status))).changes
    assert [(part.mark, part.name) for part in change.parts] == marks
    assert desk.steps() == [one["name"] for one in wanted]


def test_an_order_is_changed_and_shown(desk: Desk):
    desk.apply(content(sequence(A, B, C)))
    [change] = desk.apply(content(sequence(C, A, B))).changes
    assert fields(change) == {"order": (("A", "B", "C"), ("C", "A", "B"))}
    assert desk.steps() == ["C", "A", "B"]


def test_who_waits_for_a_replaced_step_gets_the_one_in_its_place(desk: Desk):
    desk.apply(content(sequence(A, B, C)))
    join(desk, 2)
    desk.world.tick(START)
    desk.apply(content(sequence(A, D, C)))
    desk.world.tick(START + timedelta(days=1))
    assert sent(desk) == {"A": 2, "D": 2}


def test_a_renamed_step_is_the_same_step(desk: Desk):
    """Nobody gets it twice, and its figures stay."""
    desk.apply(content(sequence(A, B)))
    join(desk, 2)
    desk.world.tick(START)
    desk.apply(content(sequence(step("Hello", renamedFrom="A", subject="About A"), B)))
    desk.world.tick(START + timedelta(days=1))
    assert sent(desk) == {"Hello": 2, "B": 2}


def test_an_edit_sends_nothing_again(desk: Desk):
    """SPEC 2, Editing: for messages not yet claimed."""
    desk.apply(content(sequence(A)))
    join(desk, 2)
    desk.world.tick(START)
    desk.apply(content(sequence(step("A", bodyHtml="<p>New</p>"))))
    assert desk.world.tick(START + timedelta(days=1)).counts["sent"] == 0


def test_steps_left_out_of_the_file_are_left_alone(desk: Desk):
    desk.apply(content(sequence(A, B)))
    assert desk.apply(content({"name": "Welcome", "priority": 5})).changes[0].parts == ()
    assert desk.steps() == ["A", "B"]


def test_each_field_of_a_sequence_is_followed(desk: Desk):
    other = {"email": "other@example.com"}
    both = [{"email": "hello@example.com"}, other]
    desk.apply(content(sequence(A), senders=both))
    said = {
        "sender": "other@example.com",
        "enrollExisting": True,
        "reenroll": True,
        "priority": 7,
        "resumeWindowMinutes": 5,
    }
    [change] = desk.apply(content(sequence(A, **said), senders=both)).changes
    assert fields(change) == {
        "sender": (None, "other@example.com"),
        "enroll_existing": (False, True),
        "reenroll": (False, True),
        "priority": (100, 7),
        "resume_window_minutes": (60, 5),
    }


def test_a_sequence_is_renamed_and_stays_itself(desk: Desk):
    desk.apply(content(sequence(A)))
    desk.apply(content(sequence(A, name="Hello", renamedFrom="Welcome")))
    assert desk.world.rows("SELECT name FROM sequence") == [{"name": "Hello"}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("draft", "active"),
        ("draft", "paused"),
        ("draft", "archived"),
        ("active", "paused"),
        ("paused", "active"),
        ("active", "archived"),
        ("paused", "archived"),
    ],
)
def test_the_status_of_the_file_is_reached(desk: Desk, before: str, after: str):
    desk.apply(content(sequence(A, status=before)))
    [change] = desk.apply(content(sequence(A, status=after))).changes
    assert fields(change) == {"status": (before, after)}
    assert desk.status() == after


@pytest.mark.parametrize("status", ["draft", "active", "paused", "archived"])
def test_a_status_left_out_stays(desk: Desk, status: str):
    desk.apply(content(sequence(A, status=status)))
    unsaid = {"name": "Welcome"} if status != "archived" else {"name": "Welcome", "status": status}
    assert desk.apply(content(unsaid)).changes == []


@pytest.mark.parametrize("status", ["active", "paused"])
def test_nothing_becomes_a_draft_again(desk: Desk, status: str):
    desk.apply(content(sequence(A, status=status)))
    with pytest.raises(
        BadInput, match=rf"sequences\[0\].status: It is {status} and can't become draft again"
    ):
        desk.look(content(sequence(A, status="draft")))


def test_an_archived_name_can_not_be_taken_up_again(desk: Desk):
    desk.apply(content(sequence(A, status="archived")))
    with pytest.raises(BadInput, match="It is archived, which is final"):
        desk.look(content(sequence(A)))


def test_a_trigger_changes_with_a_pause_in_the_same_file(desk: Desk):
    """SPEC 2: trigger and list change only in draft or paused."""
    lists = [{"name": "News"}, {"name": "Other"}]
    desk.apply(content(sequence(A), lists=lists))
    with pytest.raises(BadInput, match="trigger and list change in a draft"):
        desk.look(content(sequence(A, triggerList="Other"), lists=lists))
    desk.apply(content(sequence(A, triggerList="Other", status="paused"), lists=lists))
    desk.apply(content(sequence(A, triggerList="News", status="active"), lists=lists))


def test_a_list_that_is_named_starts_what_was_manual(desk: Desk):
    """As in a new sequence that does not say; applied again it changes nothing."""
    lists = [{"name": "News"}]
    desk.apply(content(sequence(A, status="draft", triggerList=None, triggerType="manual"), lists=lists))
    named = content(sequence(A, status="draft", triggerList="News"), lists=lists)
    [change] = desk.apply(named).changes
    assert fields(change)["trigger_type"] == ("manual", "list_add")
    assert desk.apply(named).changes == []


def test_what_a_start_lacks_is_a_fault_of_the_status(desk: Desk):
    with pytest.raises(BadInput, match=r"file.yaml:\d+: sequences\[0\].status: .* has no usable sender"):
        desk.look(content(sequence(A), senders=[]))
    assert desk.world.rows("FROM sequence") == []


def test_one_fault_undoes_everything(desk: Desk):
    with pytest.raises(BadInput):
        desk.look(content(sequence(A, sender="nobody@example.com"), sequence(A, name="Other")))
    assert desk.world.rows("FROM domain") == []


def test_what_nobody_mentions_is_left_alone(desk: Desk):
    desk.apply(content(sequence(A), sequence(A, name="Other")))
    assert desk.apply(content(sequence(A), senders=[], lists=[])).changes == []
    assert len(desk.world.rows("FROM sequence WHERE status = 'active'")) == 2


def test_two_sequences_of_one_name_are_told(desk: Desk):
    desk.apply(content(sequence(A)))
    desk.world.sequence(name="Welcome")
    with pytest.raises(BadInput, match="Several sequences are named 'Welcome'"):
        desk.look(content(sequence(A)))


def test_a_store_changed_meanwhile_is_not_touched(desk: Desk):
    """What was shown is what is done, or nothing is."""
    desk.apply(content(sequence(A)))
    shown = desk.look(content(sequence(A, priority=5)))
    [row] = desk.world.rows("SELECT id FROM sequence")
    with desk.world.store.transaction() as connection:
        sequences.update_sequence(connection, row["id"], START, {"priority": 9})
    declaration, _ = read_declaration(desk.folder / "file.yaml")
    with pytest.raises(Conflict, match="changed by somebody else"):
        apply(desk.world.store, declaration, START, shown)
    assert desk.world.rows("SELECT priority FROM sequence") == [{"priority": 9}]
