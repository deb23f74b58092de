"""Sequences: what starts them, who sends them, and the moves of their status (SPEC 2)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import BadInput, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.lifecycle import SequenceAction, SequenceStatus, TriggerType, moved
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.enrollments import EnrollResult, enroll_members, exit_sequence
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.lists import get_list
from xmit_pipeline.store.senders import get_sender
from xmit_pipeline.store.steps import live_steps

ADD = """
INSERT INTO sequence (id, name, status, trigger_type, trigger_list_id, sender_id, enroll_existing, reenroll,
    priority, resume_window_minutes, created_at, updated_at)
VALUES ($id, $name, 'draft', $trigger_type, $trigger_list_id, $sender_id, $enroll_existing, $reenroll,
    $priority, $resume_window_minutes, $now, $now)
"""

PAGE = """
SELECT *, count(*) OVER () AS total FROM sequence
WHERE deleted_at IS NULL
  AND ($status::VARCHAR IS NULL OR status = $status)
  AND ($q::VARCHAR IS NULL OR contains(lower(name), lower($q)))
ORDER BY created_at DESC, id DESC
LIMIT $limit OFFSET $offset
"""

PAUSE = "UPDATE enrollment SET status = 'paused' WHERE sequence_id = $id AND status = 'active'"

RESUME = """
UPDATE enrollment SET status = 'active', not_before = spread.not_before
FROM (
    SELECT id, CASE WHEN due_at <= $now THEN
        $now::TIMESTAMPTZ + to_microseconds(
            ((row_number() OVER overdue_order - 1) * $window_minutes * 60000000)
            // greatest(count(*) OVER (PARTITION BY due_at <= $now), 1)) END AS not_before
    FROM enrollment
    WHERE sequence_id = $id AND status = 'paused'
    WINDOW overdue_order AS (PARTITION BY due_at <= $now ORDER BY due_at, id)
) AS spread
WHERE enrollment.id = spread.id
"""

COMPLETE_ENDED = """
UPDATE enrollment SET status = 'completed', ended_at = $now
WHERE sequence_id = $id AND status = 'active' AND step_id IS NULL
"""


def create_sequence(
    connection: Connection,
    now: datetime,
    *,
    name: str,
    trigger_type: TriggerType,
    trigger_list_id: UUID | None = None,
    sender_id: UUID | None = None,
    enroll_existing: bool = False,
    reenroll: bool = False,
    priority: int = 100,
    resume_window_minutes: int = 60,
) -> UUID:
    """A new draft. A `list_add` trigger names a list that exists."""
    if trigger_type is TriggerType.LIST_ADD and trigger_list_id is None:
        raise BadInput("A list_add sequence needs triggerListId: the list whose new members are enrolled.")
    if trigger_list_id is not None:
        get_list(connection, trigger_list_id)
    if sender_id is not None:
        get_sender(connection, sender_id)
    sequence_id = new_id()
    connection.execute(
        ADD,
        {
            "id": sequence_id,
            "name": name,
            "trigger_type": trigger_type,
            "trigger_list_id": trigger_list_id,
            "sender_id": sender_id,
            "enroll_existing": enroll_existing,
            "reenroll": reenroll,
            "priority": priority,
            "resume_window_minutes": resume_window_minutes,
            "now": now,
        },
    )
    return sequence_id


def get_sequence(connection: Connection, sequence_id: UUID) -> dict[str, Any]:
    """One sequence that is not deleted."""
    rows = rows_as_dicts(
        connection, "SELECT * FROM sequence WHERE id = $id AND deleted_at IS NULL", {"id": sequence_id}
    )
    if not rows:
        raise NotFound("There is no such sequence.")
    return rows[0]


def sequences_page(
    connection: Connection,
    *,
    status: str | None = None,
    q: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Sequences, newest first; every row carries the `total`."""
    return rows_as_dicts(connection, PAGE, {"status": status, "q": q, "limit": limit, "offset": offset})


def activate(connection: Connection, sequence_id: UUID, now: datetime) -> EnrollResult:
    """Start a draft; with `enrollExisting` its list's members are enrolled. BadInput names each fault."""
    sequence = get_sequence(connection, sequence_id)
    _move(connection, sequence, SequenceAction.ACTIVATE, now)
    faults = _activation_faults(connection, sequence_id)
    if faults:
        sentences = " ".join(fault["message"] for fault in faults)
        raise BadInput(f"This sequence can't be activated yet. {sentences}", faults)
    connection.execute(
        "UPDATE sequence SET activated_at = $now WHERE id = $id", {"id": sequence_id, "now": now}
    )
    if sequence["enroll_existing"]:
        return enroll_members(connection, sequence_id, now)
    return EnrollResult(0, {})


def pause(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Nothing more is claimed and nobody is enrolled until `resume`; what was posted stays posted."""
    _move(connection, get_sequence(connection, sequence_id), SequenceAction.PAUSE, now)
    connection.execute(PAUSE, {"id": sequence_id})


def resume(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Everyone goes on where they were; what came due meanwhile is spread over the resume window."""
    sequence = get_sequence(connection, sequence_id)
    _move(connection, sequence, SequenceAction.RESUME, now)
    parameters = {"id": sequence_id, "now": now}
    connection.execute(RESUME, {**parameters, "window_minutes": sequence["resume_window_minutes"]})
    connection.execute(COMPLETE_ENDED, parameters)


def archive(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Stop for good: everyone active or paused exits as `archived`."""
    _move(connection, get_sequence(connection, sequence_id), SequenceAction.ARCHIVE, now)
    exit_sequence(connection, sequence_id, now)


def _move(connection: Connection, sequence: dict[str, Any], action: SequenceAction, now: datetime) -> None:
    target = moved(SequenceStatus(sequence["status"]), action)
    connection.execute(
        "UPDATE sequence SET status = $status, updated_at = $now WHERE id = $id",
        {"id": sequence["id"], "status": target, "now": now},
    )


def _activation_faults(connection: Connection, sequence_id: UUID) -> list[dict[str, str]]:
    steps = live_steps(connection, sequence_id)
    if not steps:
        return [{"field": "steps", "message": "It has no steps; add at least one."}]
    connection.execute(STEP_SENDERS)
    walls = dict(
        connection.execute(
            "SELECT step_id, wall FROM step_sender WHERE sequence_id = $id", {"id": sequence_id}
        ).fetchall()
    )
    return [
        {
            "field": f"steps.{number}.senderId",
            "message": f"Step {step['name']!r} has no usable sender: name one on a verified domain, "
            "or set a default sender.",
        }
        for number, step in enumerate(steps)
        if walls[step["id"]] == "sender_unusable"
    ]
