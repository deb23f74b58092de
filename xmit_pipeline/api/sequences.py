"""Sequences and the moves of their status (SPEC 2, 8)."""

from functools import partial
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.errors import naming
from xmit_pipeline.api.paging import AtPage, Search, paged
from xmit_pipeline.api.shapes import SequenceId, Success
from xmit_pipeline.api.shapes_sequences import (
    ActivatedSequence,
    Sequence,
    SequenceChange,
    SequenceDetail,
    SequenceDraft,
    Sequences,
    SequenceStats,
    Step,
    StepFigures,
)
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.store import enrollments, sequences
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.metrics import step_stats
from xmit_pipeline.store.missing_events import events_missing_since
from xmit_pipeline.store.sequences import SequenceChanges
from xmit_pipeline.store.steps import live_steps

router = APIRouter(prefix="/api/sequences", tags=["sequences"])

StatusFilter = Annotated[SequenceStatus | None, Query(description="Only those in this status.")]


@router.get("")
def list_sequences(desk: AtDesk, page: AtPage, status: StatusFilter = None, q: Search = None) -> Sequences:
    """Sequences, newest first."""
    with desk.reading() as (connection, _):
        rows, total = paged(partial(sequences.sequences_page, connection, status=status, q=q), page)
    shown = [Sequence.model_validate(row) for row in rows]
    return Sequences(sequences=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_sequence(desk: AtDesk, draft: SequenceDraft) -> Sequence:
    """A new draft."""
    with desk.changing() as (connection, now), naming("triggerListId"):
        sequence_id = sequences.create_sequence(connection, now, **draft.model_dump())
        return _sequence(connection, desk.made(Kind.SEQUENCE, sequence_id))


@router.get("/{sequence_id}")
def get_sequence(desk: AtDesk, sequence_id: SequenceId) -> SequenceDetail:
    """One sequence with its steps, and how many enrollments are in each status."""
    with desk.reading() as (connection, _):
        row = sequences.get_sequence(connection, sequence_id)
        steps = [Step.model_validate(step) for step in live_steps(connection, sequence_id)]
        counts = enrollments.counts(connection, sequence_id)
    return SequenceDetail.model_validate({**row, "steps": steps, "enrollments": counts})


@router.put("/{sequence_id}")
def update_sequence(desk: AtDesk, sequence_id: SequenceId, change: SequenceChange) -> Success:
    """Change what is given; it holds for messages not yet claimed, and changes no counter."""
    changes = cast(SequenceChanges, change.model_dump(exclude_unset=True))
    with desk.changing() as (connection, now), naming("triggerListId"):
        sequences.update_sequence(connection, sequence_id, now, changes)
    return Success()


@router.delete("/{sequence_id}")
def delete_sequence(desk: AtDesk, sequence_id: SequenceId) -> Success:
    """Forget a draft or an archived sequence; what it sent stays known."""
    with desk.changing() as (connection, now):
        sequences.delete_sequence(connection, sequence_id, now)
    return Success()


@router.get("/{sequence_id}/stats")
def get_sequence_stats(desk: AtDesk, sequence_id: SequenceId) -> SequenceStats:
    """Figures for each step, and enrollments by status."""
    with desk.reading() as (connection, now):
        sequences.get_sequence(connection, sequence_id)
        figures = step_stats(connection, sequence_id, now)
        counts = enrollments.counts(connection, sequence_id)
        since = events_missing_since(connection, now)
    steps = [StepFigures.model_validate(step) for step in figures]
    return SequenceStats.model_validate(
        {"steps": steps, "enrollments": counts, "events_missing_since": since}
    )


@router.post("/{sequence_id}/activate")
def activate_sequence(desk: AtDesk, sequence_id: SequenceId) -> ActivatedSequence:
    """Start a draft; with `enrollExisting` those on its list are enrolled."""
    with desk.changing() as (connection, now):
        result = sequences.activate(connection, sequence_id, now)
        row = sequences.get_sequence(connection, sequence_id)
    counts = {
        "enrolled": result.enrolled,
        "skipped": result.skipped,
        "skipped_reasons": result.skipped_reasons,
    }
    return ActivatedSequence.model_validate({**row, **counts})


@router.post("/{sequence_id}/pause")
def pause_sequence(desk: AtDesk, sequence_id: SequenceId) -> Sequence:
    """Send nothing more and enroll nobody until it is resumed."""
    with desk.changing() as (connection, now):
        sequences.pause(connection, sequence_id, now)
        return _sequence(connection, sequence_id)


@router.post("/{sequence_id}/resume")
def resume_sequence(desk: AtDesk, sequence_id: SequenceId) -> Sequence:
    """Everyone goes on where they were; what came due meanwhile is spread over the resume window."""
    with desk.changing() as (connection, now):
        sequences.resume(connection, sequence_id, now)
        return _sequence(connection, sequence_id)


@router.post("/{sequence_id}/archive")
def archive_sequence(desk: AtDesk, sequence_id: SequenceId) -> Sequence:
    """Stop for good; everyone active or paused exits."""
    with desk.changing() as (connection, now):
        sequences.archive(connection, sequence_id, now)
        return _sequence(connection, sequence_id)


def _sequence(connection: Connection, sequence_id: UUID) -> Sequence:
    return Sequence.model_validate(sequences.get_sequence(connection, sequence_id))
