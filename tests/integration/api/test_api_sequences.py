"""Sequences, their moves, and their steps."""

from datetime import timedelta

import pytest

from tests.integration.api.client import BODY, START, Api

FIGURES = {
    "sent", "presumed", "delivered", "opens", "uniqueOpens", "humanOpens", "clicks", "uniqueClicks", "bounces",
    "complaints", "unsubscribes", "skipped", "skippedReasons", "humanClicks", "blocked", "dropped", "warmupDeferred",
    "failed", "unknown",
    "openRate", "clickRate", "bounceRate", "complaintRate", "unsubscribeRate",
}  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), [("manual", "manual"), ("api", "manual")])
def test_manual_trigger_has_two_names(shared_api: Api, given: str, kept: str) -> None:
    """SPEC 2, Triggers: `manual`, accept `api`."""
    assert shared_api.made("/api/sequences", {"name": "x", "triggerType": given})["triggerType"] == kept


def test_sequence_names_only_what_exists(api: Api) -> None:
    """SPEC 9: an unknown id, or one of another kind, is 404."""
    sender_id = api.new_sender(api.new_domain())

    for ids in ({"senderId": f"snd_{'0' * 26}"}, {"triggerListId": sender_id}):
        answer = api.post("/api/sequences", {"name": "x", "triggerType": "manual", **ids})
        assert answer.status_code == 404


def test_sequence_shows_steps_and_counts(api: Api) -> None:
    """SPEC 8: GET /{id} has both."""
    sequence_id = api.new_active()
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})

    shown = api.found(f"/api/sequences/{sequence_id}")

    assert [step["name"] for step in shown["steps"]] == ["Hello"]
    assert shown["enrollments"] == {"active": 1, "completed": 0, "paused": 0, "exited": 0}
    assert shown["activatedAt"] == "2026-03-02T09:30:20Z"


def test_sequences_are_filtered_by_status_and_name(api: Api) -> None:
    """The list page's two filters."""
    api.new_active(name="First")
    api.new_draft(name="Second")

    for query, names in {"status=active": ["First"], "q=sec": ["Second"], "": ["Second", "First"]}.items():
        found = api.found(f"/api/sequences?{query}")
        assert sorted(row["name"] for row in found["sequences"]) == sorted(names)


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        (["activate"], "active"),
        (["activate", "pause"], "paused"),
        (["activate", "pause", "resume"], "active"),
        (["activate", "pause", "archive"], "archived"),
        (["archive"], "archived"),
    ],
)
def test_sequence_moves_as_allowed(api: Api, moves: list[str], status: str) -> None:
    """SPEC 2, Status; every other move is 409."""
    api.new_sender(api.new_domain())
    sequence_id = api.new_draft()
    api.new_step(sequence_id)
    answers = [api.made(f"/api/sequences/{sequence_id}/{move}")["status"] for move in moves]
    allowed = {"active": {"pause", "archive"}, "paused": {"resume", "archive"}, "archived": set[str]()}[
        status
    ]

    refused = {"activate", "pause", "resume", "archive"} - allowed
    statuses = {api.post(f"/api/sequences/{sequence_id}/{move}").status_code for move in sorted(refused)}

    assert (answers[-1], statuses) == (status, {409})


def test_activating_names_each_fault(api: Api) -> None:
    """SPEC 2, Activate: no step, then no sender."""
    sequence_id = api.new_draft()

    without_step = api.post(f"/api/sequences/{sequence_id}/activate")
    api.new_step(sequence_id)
    without_sender = api.post(f"/api/sequences/{sequence_id}/activate")

    assert (without_step.status_code, without_step.json()["details"][0]["field"]) == (400, "steps")
    assert without_sender.json()["details"][0]["field"] == "steps.0.senderId"
    assert api.found(f"/api/sequences/{sequence_id}")["status"] == "draft"


def test_activating_enrolls_existing_members(api: Api) -> None:
    """SPEC 2, Activate: with `enrollExisting`, and only then."""
    list_id = api.new_list()
    api.new_contact("ada@example.org", listId=list_id)
    api.new_sender(api.new_domain())
    results: list[int] = []
    for existing in (True, False):
        sequence_id = api.new_draft(triggerType="list_add", triggerListId=list_id, enrollExisting=existing)
        api.new_step(sequence_id)
        results.append(api.made(f"/api/sequences/{sequence_id}/activate")["enrolled"])

    assert results == [1, 0]


def test_pause_and_archive_reach_the_enrollments(api: Api) -> None:
    """SPEC 2: paused with the sequence, active again with it, exited as archived."""
    sequence_id = api.new_active()
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})
    seen: list[tuple[str, str | None]] = []
    for move in ("pause", "resume", "archive"):
        api.made(f"/api/sequences/{sequence_id}/{move}")
        (row,) = api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]
        seen.append((row["status"], row["exitReason"]))

    assert seen == [("paused", None), ("active", None), ("exited", "archived")]


def test_stats_have_every_figure(api: Api) -> None:
    """SPEC 7: all present from the first day, 0 where nothing is folded yet."""
    sequence_id = api.new_active()
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})
    api.made(f"/api/sequences/{sequence_id}/archive")

    stats = api.found(f"/api/sequences/{sequence_id}/stats")

    (step,) = stats["steps"]
    assert set(step) == FIGURES | {"stepId", "name"}
    assert (step["skipped"], step["skippedReasons"], step["sent"]) == (1, {"exited": 1}, 0)
    assert stats["enrollments"] == {"active": 0, "completed": 0, "paused": 0, "exited": 1}


def test_step_is_answered_whole(api: Api) -> None:
    """SPEC 8: 201 with the whole object, the same when asked for."""
    sequence_id, sender_id = api.new_draft(), api.new_sender(api.new_domain())
    given = {
        "name": "Tips",
        "subject": "Tips for {{ firstName | default: 'you' }}",
        "bodyHtml": BODY,
        "bodyText": "Hello {{firstName}}",
        "delayAmount": 30,
        "delayUnit": "minutes",
        "senderId": sender_id,
    }
    api.new_step(sequence_id)

    made = api.made(f"/api/sequences/{sequence_id}/steps", given)

    assert given.items() <= made.items()
    assert (made["position"], made["sequenceId"], made["heldAt"]) == (2, sequence_id, None)
    assert api.found(f"/api/sequences/{sequence_id}/steps/{made['id']}") == made
    assert [step["position"] for step in api.found(f"/api/sequences/{sequence_id}/steps")["steps"]] == [1, 2]


@pytest.mark.parametrize(
    ("unit", "kept"),
    [("minute", "minutes"), ("hour", "hours"), ("day", "days"), ("hours", "hours")],
)
def test_delay_unit_may_be_singular(shared_api: Api, unit: str, kept: str) -> None:
    """SPEC 2, Delays."""
    sequence_id = shared_api.new_draft()
    step_id = shared_api.new_step(sequence_id, delayUnit=unit, delayAmount=1)

    assert shared_api.found(f"/api/sequences/{sequence_id}/steps/{step_id}")["delayUnit"] == kept


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"subject": " "}, "subject"),
        ({"subject": None}, "subject"),
        ({"subject": "{{ firstName"}, "subject"),
        ({"bodyHtml": "<p>one</p>\n{% if firstName %}"}, "bodyHtml"),
        ({"bodyText": "{{ x | nonsense }}"}, "bodyText"),
        ({"bodyHtml": "a\x00b"}, "bodyHtml"),
        ({"delayAmount": -1}, "delayAmount"),
        ({"delayAmount": 1.5}, "delayAmount"),
        ({"delayAmount": "1"}, "delayAmount"),
        ({"delayAmount": True}, "delayAmount"),
        ({"delayAmount": 10**30}, "delayAmount"),
        ({"delayAmount": 3661, "delayUnit": "days"}, "delayAmount"),
        ({"delayUnit": "weeks"}, "delayUnit"),
    ],
)
def test_step_refuses_what_it_cannot_be(shared_api: Api, change: dict[str, object], field: str) -> None:
    """SPEC 9: 400 naming the field, nothing written."""
    sequence_id = shared_api.new_draft()
    step = {"name": "Hello", "subject": "Hello", "bodyHtml": BODY, **change}

    answer = shared_api.post(f"/api/sequences/{sequence_id}/steps", step)

    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, field)
    assert shared_api.found(f"/api/sequences/{sequence_id}/steps")["steps"] == []


def test_liquid_fault_names_its_line(api: Api) -> None:
    """SPEC 9: 400 with the line."""
    step = {"name": "Hello", "subject": "Hello", "bodyHtml": "<p>one</p>\n<p>{{ firstName </p>"}

    answer = api.post(f"/api/sequences/{api.new_draft()}/steps", step)

    assert answer.status_code == 400
    assert "line 2" in answer.json()["details"][0]["message"]


def test_held_step_is_released(api: Api) -> None:
    """SPEC 5: with `skipFailing` those that fail are skipped; without a body nobody is."""
    sequence_id = api.new_draft()
    step_id = api.new_step(sequence_id)
    here = f"/api/sequences/{sequence_id}/steps/{step_id}/release"
    hold = "UPDATE step SET held_at = $now, hold_reason = 'renders fail'"
    with api.store.transaction() as connection:
        connection.execute(hold, {"now": START + timedelta(minutes=1)})

    held = api.found(f"/api/sequences/{sequence_id}")["steps"][0]
    released = api.made(here)
    skipping = api.made(here, {"skipFailing": True})

    assert (held["heldAt"], held["holdReason"]) == ("2026-03-02T09:31:20Z", "renders fail")
    assert (released["heldAt"], released["holdReason"], released["skipFailing"]) == (None, None, False)
    assert skipping["skipFailing"] is True


def test_step_belongs_to_its_sequence(api: Api) -> None:
    """SPEC 9: under another sequence it is 404."""
    step_id = api.new_step(api.new_draft())
    other = api.new_draft(name="Other")

    assert api.get(f"/api/sequences/{other}/steps/{step_id}").status_code == 404
    assert api.post(f"/api/sequences/{other}/steps/{step_id}/release").status_code == 404


def test_archived_sequence_takes_no_step(api: Api) -> None:
    """SPEC 2: archive is final."""
    sequence_id = api.new_draft()
    api.made(f"/api/sequences/{sequence_id}/archive")

    answer = api.post(f"/api/sequences/{sequence_id}/steps", {"name": "x", "subject": "x", "bodyHtml": "x"})

    assert answer.status_code == 409
