"""Enrollments of a sequence: who is in, getting in, and getting out (SPEC 3, 8)."""

from typing import Annotated

from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage
from xmit_pipeline.api.shapes import EnrollmentId, SequenceId, Success
from xmit_pipeline.api.shapes_contacts import ContactIds
from xmit_pipeline.api.shapes_sequences import EnrollAnswer, Enrollment, Enrollments
from xmit_pipeline.model.ids import Kind, parse_known_ids
from xmit_pipeline.model.lifecycle import EnrollmentStatus
from xmit_pipeline.store import enrollments
from xmit_pipeline.store.sequences import get_sequence

router = APIRouter(prefix="/api/sequences/{sequence_id}", tags=["enrollments"])

StatusFilter = Annotated[EnrollmentStatus | None, Query(description="Only those in this status.")]


@router.post("/enroll")
def enroll_contacts(desk: AtDesk, sequence_id: SequenceId, given: ContactIds) -> EnrollAnswer:
    """Enroll contacts in an active sequence; repeating the call changes nothing."""
    contact_ids = parse_known_ids(Kind.CONTACT, given.contact_ids)
    result = desk.enroll(sequence_id, contact_ids)
    return EnrollAnswer(
        enrolled=result.enrolled, skipped=result.skipped, skipped_reasons=result.skipped_reasons
    )


@router.get("/enrollments")
def list_enrollments(
    desk: AtDesk, sequence_id: SequenceId, page: AtPage, status: StatusFilter = None
) -> Enrollments:
    """A sequence's enrollments, newest first."""
    with desk.reading() as (connection, _):
        get_sequence(connection, sequence_id)
        rows, total = enrollments.page(connection, sequence_id, status, page.limit, page.offset)
    shown = [Enrollment.model_validate(row) for row in rows]
    return Enrollments(enrollments=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("/enrollments/{enrollment_id}/exit")
def exit_enrollment(desk: AtDesk, sequence_id: SequenceId, enrollment_id: EnrollmentId) -> Success:
    """Take one person out, as `manual`."""
    with desk.changing() as (connection, now):
        enrollments.exit_one(connection, sequence_id, enrollment_id, now)
    return Success()
