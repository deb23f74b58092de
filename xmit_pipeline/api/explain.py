"""Why one person has or has not got the next step (SPEC 10)."""

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk, AtSettings
from xmit_pipeline.api.shapes import EnrollmentId, SequenceId
from xmit_pipeline.api.shapes_explain import ExplanationAnswer
from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.store.explain import explain

router = APIRouter(prefix="/api/sequences/{sequence_id}", tags=["enrollments"])


@router.get("/enrollments/{enrollment_id}/explain")
def explain_enrollment(
    desk: AtDesk, settings: AtSettings, sequence_id: SequenceId, enrollment_id: EnrollmentId
) -> ExplanationAnswer:
    """Why this person has or has not got this step: sentences, and the facts that they rest on."""
    with desk.reading() as (connection, now):
        explanation = explain(connection, enrollment_id, now, settings.unknown_after, settings.contact_gap)
    if explanation.facts["sequence_id"] != sequence_id:
        raise NotFound("There is no such enrollment in this sequence.")
    return ExplanationAnswer.of(explanation)
