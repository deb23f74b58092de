"""A sequence's steps made to be those of a file, in its order: told apart by their names (SPEC 2, Editing)."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.store import steps
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.declared import (
    Change,
    Differences,
    FieldChange,
    Mark,
    Thing,
    changed,
    fields_said,
    fields_that_differ,
)
from xmit_pipeline.store.declared_sending import sender_id_of

PRESENT = """
SELECT step.*, sender.email AS sender
FROM step LEFT JOIN sender ON sender.id = step.sender_id AND sender.deleted_at IS NULL
WHERE step.sequence_id = $id AND step.deleted_at IS NULL
ORDER BY step.position
"""

Row = dict[str, Any]


def follow_steps(
    connection: Connection, sequence_id: UUID, thing: Thing, now: datetime, differences: Differences
) -> tuple[tuple[FieldChange, ...], tuple[Change, ...]]:
    """The steps of a sequence: whether their order changes, and what happens to each. Faults go to `differences`.

    New ones come first, so that who waits for a step that is taken out goes on to the one put in its place.
    """
    if thing.steps is None:
        return (), ()
    changes: list[Change | None] = []
    follows: str | None = None
    for step in thing.steps:
        with differences.faults_at(step.place):
            changes.append(_follow_step(connection, sequence_id, step, follows, thing.steps, now))
        follows = step.name
    with differences.faults_at((*thing.place, "steps")):
        changes += _take_out(connection, sequence_id, thing.steps, now)
        order = _put_in_order(connection, sequence_id, thing.steps, now)
        return order, tuple(change for change in changes if change is not None)
    return (), ()


def _follow_step(
    connection: Connection,
    sequence_id: UUID,
    step: Thing,
    follows: str | None,
    steps_: tuple[Thing, ...],
    now: datetime,
) -> Change | None:
    present = _present(connection, sequence_id, steps_)
    row = present.get(step.name)
    if row is None:
        position = list(present).index(follows) + 2 if follows in present else 1
        steps.add_step(
            connection, sequence_id, now, name=step.name, position=position, **_columns(connection, step)
        )
        return Change(Mark.CREATE, "step", step.name, fields_said(step.said))
    fields = fields_that_differ(row, {"name": step.name, **step.said})
    if fields:
        changes: Any = {"name": step.name, **_columns(connection, step)}
        steps.update_step(connection, sequence_id, row["id"], now, changes)
    return changed("step", row["name"], fields)


def _take_out(
    connection: Connection, sequence_id: UUID, wanted: tuple[Thing, ...], now: datetime
) -> list[Change | None]:
    names = {step.name for step in wanted}
    gone = [row for name, row in _present(connection, sequence_id, wanted).items() if name not in names]
    for row in gone:
        steps.delete_step(connection, sequence_id, row["id"], now)
    return [Change(Mark.REMOVE, "step", row["name"]) for row in gone]


def _put_in_order(
    connection: Connection, sequence_id: UUID, wanted: tuple[Thing, ...], now: datetime
) -> tuple[FieldChange, ...]:
    present = _present(connection, sequence_id, wanted)
    order = [step.name for step in wanted if step.name in present]
    if order == list(present):
        return ()
    steps.reorder_steps(connection, sequence_id, [present[name]["id"] for name in order], now)
    return (FieldChange("order", tuple(present), tuple(order)),)


def _present(connection: Connection, sequence_id: UUID, wanted: tuple[Thing, ...]) -> dict[str, Row]:
    """The live steps in order, under the names that the file gives them."""
    rows = rows_as_dicts(connection, PRESENT, {"id": sequence_id})
    names = Counter(row["name"] for row in rows)
    for name, count in names.items():
        if count > 1:
            raise Conflict(
                f"{count} of its steps are named {name!r}; rename all but one first, as a file can't."
            )
    renamed = {step.renamed_from: step.name for step in wanted if step.name not in names}
    return {renamed.get(row["name"]) or row["name"]: _with_delay(row) for row in rows}


def _with_delay(row: Row) -> Row:
    return {**row, "delay": (row["delay_amount"], row["delay_unit"])}


def _columns(connection: Connection, step: Thing) -> Any:
    """What is said, as the store's verbs take it."""
    columns = {name: value for name, value in step.said.items() if name not in ("delay", "sender")}
    if "delay" in step.said:
        amount, unit = step.said["delay"]
        columns |= {"delay_amount": amount, "delay_unit": DelayUnit(unit)}
    if "sender" in step.said:
        email = step.said["sender"]
        columns["sender_id"] = (
            None if email is None else sender_id_of(connection, email, (*step.place, "sender"))
        )
    return columns
