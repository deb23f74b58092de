"""Sequences and their steps made to be as a file declares them; a sequence is never deleted (SPEC 2)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.lifecycle import SequenceStatus, TriggerType
from xmit_pipeline.store import sequences
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.declared import (
    Change,
    Differences,
    Mark,
    Misplaced,
    Thing,
    changed,
    fields_said,
    fields_that_differ,
)
from xmit_pipeline.store.declared_sending import list_id_of, sender_id_of
from xmit_pipeline.store.declared_steps import follow_steps

NAMED = """
SELECT sequence.*, list.name AS trigger_list, sender.email AS sender
FROM sequence
LEFT JOIN list ON list.id = sequence.trigger_list_id AND list.deleted_at IS NULL
    AND sequence.trigger_type = 'list_add'
LEFT JOIN sender ON sender.id = sequence.sender_id AND sender.deleted_at IS NULL
WHERE sequence.name = $name AND sequence.deleted_at IS NULL
ORDER BY sequence.status = 'archived', sequence.created_at DESC
"""

Move = Callable[[Connection, UUID, datetime], object]

MOVES: dict[tuple[SequenceStatus, SequenceStatus], tuple[Move, ...]] = {
    (SequenceStatus.DRAFT, SequenceStatus.ACTIVE): (sequences.activate,),
    (SequenceStatus.DRAFT, SequenceStatus.PAUSED): (sequences.activate, sequences.pause),
    (SequenceStatus.DRAFT, SequenceStatus.ARCHIVED): (sequences.archive,),
    (SequenceStatus.ACTIVE, SequenceStatus.PAUSED): (sequences.pause,),
    (SequenceStatus.ACTIVE, SequenceStatus.ARCHIVED): (sequences.archive,),
    (SequenceStatus.PAUSED, SequenceStatus.ACTIVE): (sequences.resume,),
    (SequenceStatus.PAUSED, SequenceStatus.ARCHIVED): (sequences.archive,),
}


def follow_sequence(
    connection: Connection, thing: Thing, now: datetime, differences: Differences
) -> Change | None:
    """A sequence by its name, its steps by theirs, then its status; faults of steps are added to `differences`."""
    row = _present(connection, thing)
    if row is None:
        return _create(connection, thing, now, differences)
    status = SequenceStatus(row["status"])
    if status is SequenceStatus.ARCHIVED:
        if thing.said.get("status") != SequenceStatus.ARCHIVED:
            raise Conflict("It is archived, which is final. Give the new one another name, or take it out.")
        return None
    said = {"name": thing.name, **_started(thing.said)}
    fields = fields_that_differ(row, said)
    pauses_first = (status, said.get("status")) == (SequenceStatus.ACTIVE, SequenceStatus.PAUSED)
    if pauses_first:  # a trigger changes in a paused sequence
        _move(connection, row["id"], thing, status, now)
    if any(change.field != "status" for change in fields):
        sequences.update_sequence(connection, row["id"], now, _columns(connection, thing, said))
    order, steps = follow_steps(connection, row["id"], thing, now, differences)
    if not pauses_first:
        _move(connection, row["id"], thing, status, now)
    return changed("sequence", row["name"], fields + order, steps)


def _create(connection: Connection, thing: Thing, now: datetime, differences: Differences) -> Change:
    said = {"name": thing.name, "trigger_type": TriggerType.MANUAL, **_started(thing.said)}
    sequence_id = sequences.create_sequence(connection, now, **_columns(connection, thing, said))
    _, steps = follow_steps(connection, sequence_id, thing, now, differences)
    _move(connection, sequence_id, thing, SequenceStatus.DRAFT, now)
    return Change(Mark.CREATE, "sequence", thing.name, fields_said(thing.said), steps)


def _present(connection: Connection, thing: Thing) -> dict[str, Any] | None:
    for name in (thing.name, thing.renamed_from):
        rows = rows_as_dicts(connection, NAMED, {"name": name})
        if sum(row["status"] != SequenceStatus.ARCHIVED for row in rows) > 1:
            raise Conflict(
                f"Several sequences are named {name!r}; rename all but one first, as a file can't."
            )
        if rows:
            return rows[0]
    return None


def _started(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the trigger that a list is there for, where a file names one and does not say."""
    listed = said.get("trigger_list") is not None and "trigger_type" not in said
    return {"trigger_type": TriggerType.LIST_ADD, **said} if listed else said


def _columns(connection: Connection, thing: Thing, said: Mapping[str, Any]) -> Any:
    """What is said, as the store's verbs take it."""
    columns = {
        name: value for name, value in said.items() if name not in ("trigger_list", "sender", "status")
    }
    if "trigger_list" in said:
        place = (*thing.place, "triggerList")
        name = said["trigger_list"]
        columns["trigger_list_id"] = None if name is None else list_id_of(connection, name, place)
    if "sender" in said:
        place = (*thing.place, "sender")
        columns["sender_id"] = (
            None if said["sender"] is None else sender_id_of(connection, said["sender"], place)
        )
    return columns


def _move(
    connection: Connection, sequence_id: UUID, thing: Thing, status: SequenceStatus, now: datetime
) -> None:
    """Bring it into the status that is said; Misplaced where SPEC 2 has no such move, or it can't start yet."""
    target = SequenceStatus(thing.said.get("status", status))
    if target == status:
        return
    place = (*thing.place, "status")
    moves = MOVES.get((status, target))
    if moves is None:
        raise Misplaced(
            place, f"It is {status} and can't become {target} again; say paused or archived to stop it."
        )
    try:
        for move in moves:
            move(connection, sequence_id, now)
    except BadInput as error:
        raise Misplaced(place, str(error)) from error
