"""Steps of a sequence (SPEC 2, 5, 8)."""

from uuid import UUID

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage, cut
from xmit_pipeline.api.shapes import SequenceId, StepId
from xmit_pipeline.api.shapes_sequences import Step, StepDraft, StepRelease, Steps
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.rendering.source import StepSource, template_faults
from xmit_pipeline.store import steps
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.sequences import get_sequence

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
    """Append a step; it reaches those still active. Liquid that does not parse is refused with its line."""
    _check_liquid(draft)
    with desk.changing() as (connection, now):
        step_id = steps.add_step(connection, sequence_id, now, **draft.model_dump())
        return _step(connection, sequence_id, step_id)


@router.get("/{step_id}")
def get_step(desk: AtDesk, sequence_id: SequenceId, step_id: StepId) -> Step:
    """One step."""
    with desk.reading() as (connection, _):
        get_sequence(connection, sequence_id)
        return _step(connection, sequence_id, step_id)


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


def _check_liquid(draft: StepDraft) -> None:
    faults = template_faults(StepSource(draft.subject, draft.body_html, draft.body_text))
    if faults:
        told = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
        raise BadInput(f"This step can't be saved. {told}", faults)


def _step(connection: Connection, sequence_id: UUID, step_id: UUID) -> Step:
    return Step.model_validate(steps.get_step(connection, sequence_id, step_id))
