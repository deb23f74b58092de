"""Steps: one e-mail each, in order, with a delay after the one before (SPEC 2).

What a change of the steps means for the people among them is `progress.realign`.
"""

from datetime import datetime
from typing import Any, TypedDict, cast
from uuid import UUID

from xmit_pipeline.model.delays import DelayUnit, delay_minutes
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.rendering.source import StepSource, template_faults
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.progress import leave_deleted_steps, realign
from xmit_pipeline.store.senders import get_sender

MAKE_ROOM = (
    "UPDATE step SET position = position + 1 WHERE sequence_id = $sequence_id AND position >= $position"
)

ADD = """
INSERT INTO step (id, sequence_id, position, name, subject, body_html, body_text, delay_amount, delay_unit,
    delay_minutes, sender_id, skip_failing, created_at, updated_at)
SELECT $id, $sequence_id, coalesce($position, max(position) + 1, 1), $name, $subject, $body_html, $body_text,
    $delay_amount, $delay_unit, $delay_minutes, $sender_id, false, $now, $now
FROM step WHERE sequence_id = $sequence_id
"""

LIVE = """
SELECT *, row_number() OVER (ORDER BY position) AS number FROM step
WHERE sequence_id = $id AND deleted_at IS NULL
ORDER BY position
"""

UPDATE = """
UPDATE step SET name = $name, subject = $subject, body_html = $body_html, body_text = $body_text,
    delay_amount = $delay_amount, delay_unit = $delay_unit, delay_minutes = $delay_minutes, sender_id = $sender_id,
    updated_at = $now
WHERE id = $id
"""

RELEASE = "UPDATE step SET held_at = NULL, hold_reason = NULL, skip_failing = $skip_failing WHERE id = $id"

SKIP_WAITING = """
UPDATE message SET state = 'skipped', reason = 'step_deleted', settled_at = $now
WHERE step_id = $id AND state = 'waiting'
"""

STRANDED = """
CREATE OR REPLACE TEMP TABLE stranded AS
SELECT enrollment.id AS enrollment_id
FROM enrollment JOIN message ON message.id = enrollment.message_id
WHERE enrollment.step_id = $id AND enrollment.status IN ('active', 'paused') AND message.reason = 'step_deleted'
"""

REORDER = """
UPDATE step SET position = slot.position, updated_at = $now
FROM (
    SELECT wanted.id, live.position
    FROM (SELECT unnest($ids::UUID[]) AS id, generate_subscripts($ids::UUID[], 1) AS number) AS wanted
    JOIN (
        SELECT position, row_number() OVER (ORDER BY position) AS number FROM step
        WHERE sequence_id = $sequence_id AND deleted_at IS NULL
    ) AS live ON live.number = wanted.number
) AS slot
WHERE step.id = slot.id
"""
"""Live steps change places among themselves; a deleted one keeps its own, and whose last it was keeps theirs."""


class StepChanges(TypedDict, total=False):
    """What is given changes."""

    name: str
    subject: str
    body_html: str
    body_text: str | None
    delay_amount: int
    delay_unit: DelayUnit
    sender_id: UUID | None


def add_step(
    connection: Connection,
    sequence_id: UUID,
    now: datetime,
    *,
    name: str,
    subject: str,
    body_html: str,
    body_text: str | None = None,
    delay_amount: int = 0,
    delay_unit: DelayUnit = DelayUnit.DAYS,
    sender_id: UUID | None = None,
    position: int | None = None,
) -> UUID:
    """Append a step, or put it at a position from 1; it reaches those still active who are not past it."""
    _check_open(connection, sequence_id)
    _check_liquid(subject, body_html, body_text)
    if sender_id is not None:
        get_sender(connection, sender_id)
    step_id = new_id()
    connection.execute(
        ADD,
        {
            "id": step_id,
            "sequence_id": sequence_id,
            "position": _room_at(connection, sequence_id, position),
            "name": name,
            "subject": subject,
            "body_html": body_html,
            "body_text": body_text,
            "delay_amount": delay_amount,
            "delay_unit": delay_unit,
            "delay_minutes": delay_minutes(delay_amount, delay_unit),
            "sender_id": sender_id,
            "now": now,
        },
    )
    realign(connection, sequence_id, now)
    return step_id


def live_steps(connection: Connection, sequence_id: UUID) -> list[dict[str, Any]]:
    """A sequence's steps in order, each with its `number` from 1."""
    return rows_as_dicts(connection, LIVE, {"id": sequence_id})


def get_step(connection: Connection, sequence_id: UUID, step_id: UUID) -> dict[str, Any]:
    """One live step of a sequence."""
    for step in live_steps(connection, sequence_id):
        if step["id"] == step_id:
            return step
    raise NotFound("There is no such step in this sequence.")


def update_step(
    connection: Connection, sequence_id: UUID, step_id: UUID, now: datetime, changes: StepChanges
) -> None:
    """Change what is given, for messages not yet claimed; due times stay. New words release a held step."""
    _check_open(connection, sequence_id)
    step = get_step(connection, sequence_id, step_id)
    changed = cast("dict[str, Any]", {**step, **changes})
    _check_liquid(changed["subject"], changed["body_html"], changed["body_text"])
    if changed["sender_id"] is not None:
        get_sender(connection, changed["sender_id"])
    columns = ("name", "subject", "body_html", "body_text", "delay_amount", "delay_unit", "sender_id")
    minutes = delay_minutes(changed["delay_amount"], DelayUnit(changed["delay_unit"]))
    parameters = {name: changed[name] for name in columns}
    connection.execute(UPDATE, {**parameters, "delay_minutes": minutes, "id": step_id, "now": now})
    if any(changed[name] != step[name] for name in ("subject", "body_html", "body_text")):
        connection.execute(RELEASE, {"id": step_id, "skip_failing": False})


def delete_step(connection: Connection, sequence_id: UUID, step_id: UUID, now: datetime) -> None:
    """Take a step out. Who waits for it goes on to the next, due at max(now, last send + its delay), or is through.

    What was posted settles as it will. Conflict for the last step of a sequence that is not a draft.
    """
    status = _check_open(connection, sequence_id)
    get_step(connection, sequence_id, step_id)
    if status != SequenceStatus.DRAFT and len(live_steps(connection, sequence_id)) == 1:
        raise Conflict("This is the only step left; archive the sequence, or add another step first.")
    connection.execute(
        "UPDATE step SET deleted_at = $now, updated_at = $now WHERE id = $id", {"id": step_id, "now": now}
    )
    connection.execute(SKIP_WAITING, {"id": step_id, "now": now})
    connection.execute(STRANDED, {"id": step_id})
    leave_deleted_steps(connection, now)
    realign(connection, sequence_id, now)


def reorder_steps(connection: Connection, sequence_id: UUID, step_ids: list[UUID], now: datetime) -> None:
    """Put all of a sequence's steps into this order. Nobody is sent a step twice, or one now before their place."""
    _check_open(connection, sequence_id)
    present = [step["id"] for step in live_steps(connection, sequence_id)]
    if sorted(step_ids) != sorted(present):
        fault = "Name every step of this sequence once, and no other."
        raise BadInput(fault, [{"field": "stepIds", "message": fault}])
    if step_ids == present:
        return
    connection.execute(REORDER, {"sequence_id": sequence_id, "ids": step_ids, "now": now})
    connection.execute(
        "UPDATE sequence SET reordered_at = $now WHERE id = $id", {"id": sequence_id, "now": now}
    )
    realign(connection, sequence_id, now)


def release_step(connection: Connection, sequence_id: UUID, step_id: UUID, *, skip_failing: bool) -> None:
    """Lift a step's hold; with `skip_failing` those that fail to render are skipped from now on."""
    get_step(connection, sequence_id, step_id)
    connection.execute(RELEASE, {"id": step_id, "skip_failing": skip_failing})


def _check_open(connection: Connection, sequence_id: UUID) -> str:
    """The status of a sequence whose steps may change."""
    row = connection.execute(
        "SELECT status FROM sequence WHERE id = $id AND deleted_at IS NULL", {"id": sequence_id}
    ).fetchone()
    if row is None:
        raise NotFound("There is no such sequence.")
    if row[0] == SequenceStatus.ARCHIVED:
        raise Conflict("This sequence is archived; its steps stay as they are.")
    return row[0]


def _check_liquid(subject: str, body_html: str, body_text: str | None) -> None:
    faults = template_faults(StepSource(subject, body_html, body_text))
    if faults:
        told = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
        raise BadInput(f"This step can't be saved. {told}", faults)


def _room_at(connection: Connection, sequence_id: UUID, number: int | None) -> int | None:
    """The position of a new step that is to be the `number`th; None for the end. What stands there moves on."""
    steps = live_steps(connection, sequence_id)
    if number is None or number == len(steps) + 1:
        return None
    if not 1 <= number <= len(steps):
        fault = f"position is {number}; it must be 1 to {len(steps) + 1}."
        raise BadInput(fault, [{"field": "position", "message": fault}])
    position = steps[number - 1]["position"]
    connection.execute(MAKE_ROOM, {"sequence_id": sequence_id, "position": position})
    return position
