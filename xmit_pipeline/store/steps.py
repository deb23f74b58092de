"""Steps: one e-mail each, in order, with a delay after the one before (SPEC 2)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.delays import DelayUnit, delay_minutes
from xmit_pipeline.model.errors import Conflict, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.senders import get_sender

ADD = """
INSERT INTO step (id, sequence_id, position, name, subject, body_html, body_text, delay_amount, delay_unit,
    delay_minutes, sender_id, skip_failing, created_at, updated_at)
SELECT $id, $sequence_id, coalesce(max(position), 0) + 1, $name, $subject, $body_html, $body_text, $delay_amount,
    $delay_unit, $delay_minutes, $sender_id, false, $now, $now
FROM step WHERE sequence_id = $sequence_id
"""

LIVE = """
SELECT *, row_number() OVER (ORDER BY position) AS number FROM step
WHERE sequence_id = $id AND deleted_at IS NULL
ORDER BY position
"""


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
) -> UUID:
    """Append a step; it reaches those still active. The caller has parsed subject and bodies."""
    rows = rows_as_dicts(
        connection, "SELECT status FROM sequence WHERE id = $id AND deleted_at IS NULL", {"id": sequence_id}
    )
    if not rows:
        raise NotFound("There is no such sequence.")
    if rows[0]["status"] == SequenceStatus.ARCHIVED:
        raise Conflict("This sequence is archived; its steps stay as they are.")
    if sender_id is not None:
        get_sender(connection, sender_id)
    step_id = new_id()
    connection.execute(
        ADD,
        {
            "id": step_id,
            "sequence_id": sequence_id,
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


def release_step(connection: Connection, sequence_id: UUID, step_id: UUID, *, skip_failing: bool) -> None:
    """Lift a step's hold; with `skip_failing` those that fail to render are skipped from now on."""
    get_step(connection, sequence_id, step_id)
    connection.execute(
        "UPDATE step SET held_at = NULL, hold_reason = NULL, skip_failing = $skip WHERE id = $id",
        {"id": step_id, "skip": skip_failing},
    )
