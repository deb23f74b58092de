"""Sequences: what starts them, who sends them, and the moves of their status (SPEC 2)."""

from datetime import datetime
from typing import Any, TypedDict, cast
from uuid import UUID

from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.lifecycle import (
    DELETED_FROM,
    TRIGGER_CHANGES_IN,
    SequenceAction,
    SequenceStatus,
    TriggerType,
    moved,
)
from xmit_pipeline.store.activation import activation_faults
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.enrollments import EnrollResult, exit_sequence
from xmit_pipeline.store.existing_members import begin_existing
from xmit_pipeline.store.lists import get_list
from xmit_pipeline.store.senders import get_sender
from xmit_pipeline.store.spread import spread_resumed

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

UPDATE = """
UPDATE sequence SET name = $name, trigger_type = $trigger_type, trigger_list_id = $trigger_list_id,
    sender_id = $sender_id, enroll_existing = $enroll_existing, reenroll = $reenroll, priority = $priority,
    resume_window_minutes = $resume_window_minutes, updated_at = $now,
    existing_after = CASE WHEN $retriggered THEN NULL ELSE existing_after END
WHERE id = $id
"""

MOVE = """
UPDATE sequence SET status = $status, updated_at = $now,
    activated_at = CASE WHEN $action = 'activate' THEN $now ELSE activated_at END,
    paused_at = CASE WHEN $action = 'pause' THEN $now END
WHERE id = $id
"""

PAUSE = "UPDATE enrollment SET status = 'paused' WHERE sequence_id = $id AND status = 'active'"

COMPLETE_ENDED = """
UPDATE enrollment SET status = 'completed', ended_at = $now
WHERE sequence_id = $id AND status = 'active' AND step_id IS NULL
"""


class SequenceChanges(TypedDict, total=False):
    """What is given changes."""

    name: str
    trigger_type: TriggerType
    trigger_list_id: UUID | None
    sender_id: UUID | None
    enroll_existing: bool
    reenroll: bool
    priority: int
    resume_window_minutes: int


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
    """A new draft. A `list_add` trigger names a list that exists; any other has none."""
    _check_trigger(connection, trigger_type, trigger_list_id)
    if sender_id is not None:
        get_sender(connection, sender_id)
    sequence_id = new_id()
    connection.execute(
        ADD,
        {
            "id": sequence_id,
            "name": name,
            "trigger_type": trigger_type,
            "trigger_list_id": _list_of(trigger_type, trigger_list_id),
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


def update_sequence(
    connection: Connection, sequence_id: UUID, now: datetime, changes: SequenceChanges
) -> None:
    """Change what is given; a list that starts nothing any more is let go.

    Conflict where trigger or list would change and it is neither draft nor paused.
    """
    sequence = get_sequence(connection, sequence_id)
    changed = cast("dict[str, Any]", {**sequence, **changes})
    retriggered = _trigger_of(changed) != _trigger_of(sequence)
    if retriggered:
        if sequence["status"] not in TRIGGER_CHANGES_IN:
            raise Conflict(
                f"This sequence is {sequence['status']}; trigger and list change in a draft, or while it is paused."
            )
        _check_trigger(connection, changed["trigger_type"], changed["trigger_list_id"])
    if changes.get("trigger_list_id") is not None:
        get_list(connection, changed["trigger_list_id"])
    if changed["sender_id"] is not None:
        get_sender(connection, changed["sender_id"])
    changed["trigger_list_id"] = _list_of(changed["trigger_type"], changed["trigger_list_id"])
    parameters = {name: changed[name] for name in SequenceChanges.__annotations__}
    connection.execute(UPDATE, {**parameters, "id": sequence_id, "retriggered": retriggered, "now": now})


def delete_sequence(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Forget a draft or an archived sequence; what it sent stays known. Conflict for any other."""
    sequence = get_sequence(connection, sequence_id)
    if sequence["status"] not in DELETED_FROM:
        raise Conflict(f"This sequence is {sequence['status']}; archive it before you delete it.")
    connection.execute(
        "UPDATE sequence SET deleted_at = $now WHERE id = $id", {"id": sequence_id, "now": now}
    )


def activate(connection: Connection, sequence_id: UUID, now: datetime) -> EnrollResult:
    """Start a draft; with `enrollExisting` its list's members are enrolled. BadInput names each fault.

    Of a list longer than a turn the first members are enrolled here, the others by the next tick.
    """
    sequence = get_sequence(connection, sequence_id)
    moved(SequenceStatus(sequence["status"]), SequenceAction.ACTIVATE)
    faults = activation_faults(connection, sequence)
    if faults:
        sentences = " ".join(fault["message"] for fault in faults)
        raise BadInput(f"This sequence can't be activated yet. {sentences}", faults)
    _move(connection, sequence, SequenceAction.ACTIVATE, now)
    return begin_existing(connection, sequence_id, now)


def pause(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Nothing more is claimed and nobody is enrolled until `resume`; what was posted stays posted."""
    _move(connection, get_sequence(connection, sequence_id), SequenceAction.PAUSE, now)
    connection.execute(PAUSE, {"id": sequence_id})


def resume(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Everyone goes on where they were; what came due meanwhile is spread over the resume window."""
    sequence = get_sequence(connection, sequence_id)
    moved(SequenceStatus(sequence["status"]), SequenceAction.RESUME)
    spread_resumed(connection, sequence_id, now)
    _move(connection, sequence, SequenceAction.RESUME, now)
    connection.execute(COMPLETE_ENDED, {"id": sequence_id, "now": now})


def archive(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Stop for good: everyone active or paused exits as `archived`."""
    _move(connection, get_sequence(connection, sequence_id), SequenceAction.ARCHIVE, now)
    exit_sequence(connection, sequence_id, now)


def _move(connection: Connection, sequence: dict[str, Any], action: SequenceAction, now: datetime) -> None:
    target = moved(SequenceStatus(sequence["status"]), action)
    connection.execute(MOVE, {"id": sequence["id"], "status": target, "action": action, "now": now})


def _trigger_of(sequence: dict[str, Any]) -> tuple[str, UUID | None]:
    """What starts it; a list is of no account where it does not."""
    kind = sequence["trigger_type"]
    return kind, _list_of(kind, sequence["trigger_list_id"])


def _list_of(trigger_type: str, list_id: UUID | None) -> UUID | None:
    return list_id if trigger_type == TriggerType.LIST_ADD else None


def _check_trigger(connection: Connection, trigger_type: str, trigger_list_id: UUID | None) -> None:
    if trigger_type == TriggerType.LIST_ADD and trigger_list_id is None:
        raise BadInput("A list_add sequence needs triggerListId: the list whose new members are enrolled.")
    if trigger_list_id is not None:
        get_list(connection, trigger_list_id)
