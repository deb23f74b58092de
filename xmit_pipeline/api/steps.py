"""Steps of a sequence (SPEC 2, 5, 8)."""

from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter
from pydantic.alias_generators import to_camel

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.errors import naming
from xmit_pipeline.api.paging import AtPage, cut
from xmit_pipeline.api.shapes import SequenceId, StepId, Success
from xmit_pipeline.api.shapes_sequences import Step, StepChange, StepDraft, StepOrder, StepRelease, Steps
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.store import steps
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.sequences import get_sequence
from xmit_pipeline.store.steps import StepChanges
from xmit_pipeline.store.templates import get_template

router = APIRouter(prefix="/api/sequences/{sequence_id}/steps", tags=["steps"])


@router.get("")
def list_steps(desk: AtDesk, sequence_id: SequenceId, page: AtPage) -> Steps:
    """A sequence's steps, in order."""
    with desk.reading() as (connection, _):
        get_sequence(connection, sequence_id)
        rows = steps.live_steps(connection, sequence_id)
    shown = [Step.model_validate(row) for row in cut(rows, page)]
    return Steps(steps=shown, total_count=len(rows), limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_step(desk: AtDesk, sequence_id: SequenceId, draft: StepDraft) -> Step:
    """Append a step, or put it at a position; it reaches those still active who are not past it.

    Liquid that does not parse is refused with its line.
    """
    fields: dict[str, Any] = draft.model_dump(exclude={"template_id"})
    with desk.changing() as (connection, now), naming("delayAmount"):
        fields |= _words(connection, draft)
        step_id = steps.add_step(connection, sequence_id, now, **fields)
        return _step(connection, sequence_id, desk.made(Kind.STEP, step_id))


@router.post("/reorder")
def reorder_steps(desk: AtDesk, sequence_id: SequenceId, order: StepOrder) -> Success:
    """Put the steps into this order; nobody is sent a step twice, or one now before their place."""
    with desk.changing() as (connection, now):
        steps.reorder_steps(connection, sequence_id, order.step_ids, now)
    return Success()


@router.get("/{step_id}")
def get_step(desk: AtDesk, sequence_id: SequenceId, step_id: StepId) -> Step:
    """One step."""
    with desk.reading() as (connection, _):
        get_sequence(connection, sequence_id)
        return _step(connection, sequence_id, step_id)


@router.put("/{step_id}")
def update_step(desk: AtDesk, sequence_id: SequenceId, step_id: StepId, change: StepChange) -> Success:
    """Change what is given, for messages not yet claimed; due times stay. New words release a held step."""
    changes = cast(StepChanges, change.model_dump(exclude_unset=True))
    with desk.changing() as (connection, now), naming("delayAmount"):
        steps.update_step(connection, sequence_id, step_id, now, changes)
    return Success()


@router.delete("/{step_id}")
def delete_step(desk: AtDesk, sequence_id: SequenceId, step_id: StepId) -> Success:
    """Take a step out; who waits for it goes on to the next. What was posted stays in the figures."""
    with desk.changing() as (connection, now):
        steps.delete_step(connection, sequence_id, step_id, now)
    return Success()


@router.post("/{step_id}/release")
def release_step(
    desk: AtDesk, sequence_id: SequenceId, step_id: StepId, given: StepRelease | None = None
) -> Step:
    """Lift a step's hold, so that its mail goes out again."""
    skip_failing = given is not None and given.skip_failing
    with desk.changing() as (connection, _):
        get_sequence(connection, sequence_id)
        steps.release_step(connection, sequence_id, step_id, skip_failing=skip_failing)
        return _step(connection, sequence_id, step_id)


def _words(connection: Connection, draft: StepDraft) -> dict[str, str | None]:
    """Subject and bodies as given, else the template's. BadInput where neither has them."""
    saved = get_template(connection, draft.template_id) if draft.template_id else {}
    words: dict[str, str | None] = {
        "subject": draft.subject if draft.subject is not None else saved.get("subject"),
        "body_html": draft.body_html if draft.body_html is not None else saved.get("body_html"),
        "body_text": draft.body_text
        if draft.body_html is not None
        else draft.body_text or saved.get("body_text"),
    }
    missing = [name for name in ("subject", "body_html") if words[name] is None]
    if missing:
        faults = [
            {"field": to_camel(name), "message": "It is missing; give it, or a templateId."}
            for name in missing
        ]
        raise BadInput(" ".join(f"{fault['field']}: {fault['message']}" for fault in faults), faults)
    return words


def _step(connection: Connection, sequence_id: UUID, step_id: UUID) -> Step:
    return Step.model_validate(steps.get_step(connection, sequence_id, step_id))
