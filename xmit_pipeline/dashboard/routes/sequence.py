"""One sequence: its steps with their figures, its days, the way people take, and the moves of its status."""

from collections.abc import Sequence as Many
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from xmit_pipeline.api import sequences
from xmit_pipeline.api.shapes import SequenceId
from xmit_pipeline.dashboard.faults import faults_by_field
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.routes.sequences import sender_choices
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.dashboard.wording import reasons
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.lifecycle import DELETED_FROM, SequenceStatus, TriggerType
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store import enrollments
from xmit_pipeline.store.activation import activation_faults
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.dashboard_figures import sequence_figures
from xmit_pipeline.store.dashboard_sequences import People, people_of
from xmit_pipeline.store.lists import lists_page
from xmit_pipeline.store.metrics import COUNTED, with_rates
from xmit_pipeline.store.missing_events import events_missing_since
from xmit_pipeline.store.sequences import get_sequence
from xmit_pipeline.store.steps import live_steps

router = APIRouter(prefix="/sequences/{sequence_id}")

SHOWN_DAYS = 30
DAY_SERIES = ("sent", "delivered", "unique_opens")
FUNNEL = (
    ("sent", "Sent"),
    ("delivered", "Delivered"),
    ("unique_opens", "Opened"),
    ("unique_clicks", "Clicked"),
)


@router.get("")
def show_sequence(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """The sequence's own page; a draft's shows what is still missing."""
    with visit.desk.reading() as (connection, now):
        sequence = get_sequence(connection, sequence_id)
        figures = sequence_figures(connection, sequence_id, now)
        counts = enrollments.counts(connection, sequence_id)
        named = _named(connection, sequence)
        draft = sequence["status"] == SequenceStatus.DRAFT
        faults = activation_faults(connection, sequence) if draft else []
        missing_since = events_missing_since(connection, now)
    steps, days = figures.steps, _days(figures.days, now)
    deleted = figures.deleted
    totals = with_rates({name: sum(step[name] for step in (*steps, deleted)) for name in COUNTED})
    totals["warmup_deferred"] = sum(step["warmup_deferred"] for step in steps)
    stages = [(words, totals[name]) for name, words in FUNNEL]
    return visit.show(
        "sequence.html", sequence=sequence, steps=steps, days=days, counts=counts, totals=totals, deleted=deleted,
        stages=stages, missing_since=missing_since,
        sent_by_day=_sent_by_day(figures.days, now),
        day_rows=[[f"{day:%Y-%m-%d}", *sums] for day, sums in days], faults=faults,
        deletable=sequence["status"] in DELETED_FROM, **named,
    )  # fmt: skip


@router.get("/review")
def show_review(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Stage 3 of the builder: everything at a glance, what is missing, and what activating will do."""
    return _review(visit, sequence_id)


@router.post("/activate")
def activate(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Start a draft; the review says beforehand whom that enrolls."""
    try:
        made = sequences.activate_sequence(visit.asking("activate_sequence"), sequence_id)
    except BadInput as error:
        return _review(visit, sequence_id, list(faults_by_field(error).values()))
    words = f"{made.name!r} is active. {plural(made.enrolled, 'person is', 'people are')} enrolled"
    left = (
        f", {plural(made.skipped, 'other is', 'others are')} not: {reasons(made.skipped_reasons)}."
        if made.skipped
        else "."
    )
    return visit.go(_address(sequence_id), words + left)


@router.post("/pause")
def pause(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Stop sending, once that is asked."""
    if visit.sure:
        sequences.pause_sequence(visit.asking("pause_sequence"), sequence_id)
        return visit.go(
            _address(sequence_id), "The sequence is paused. Nothing more is sent until it is resumed."
        )
    sequence, people = _touched(visit, sequence_id)
    what = (
        f"{plural(people.active, 'active person stays', 'active people stay')} where they are; "
        "nobody gets the next step."
        if people.active
        else "Nobody is under way in it at present.",
        *(
            [f"{plural(people.going_out, 'message')} already on the way may still arrive."]
            if people.going_out
            else []
        ),
        "Nobody new is enrolled meanwhile, and additions to its list during the pause are not caught up.",
    )
    return visit.ask(
        Deed(f"Pause {sequence['name']}?", what, "Pause the sequence", _address(sequence_id), tone="")
    )


@router.post("/resume")
def resume(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Go on, once that is asked."""
    if visit.sure:
        sequences.resume_sequence(visit.asking("resume_sequence"), sequence_id)
        return visit.go(_address(sequence_id), "The sequence goes on.")
    sequence, people = _touched(visit, sequence_id)
    window = plural(sequence["resume_window_minutes"], "minute")
    what = (
        f"{plural(people.paused, 'paused person goes', 'paused people go')} on where they stopped.",
        f"{plural(people.past_due, 'of them was', 'of them were')} due meanwhile; their mail is spread over {window}, "
        "or paced by the warmup."
        if people.past_due
        else "None of them was due meanwhile.",
    )
    return visit.ask(
        Deed(f"Resume {sequence['name']}?", what, "Resume the sequence", _address(sequence_id), tone="")
    )


@router.post("/archive")
def archive(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Stop for good, once that is asked."""
    if visit.sure:
        sequences.archive_sequence(visit.asking("archive_sequence"), sequence_id)
        return visit.go(_address(sequence_id), "The sequence is archived.")
    sequence, people = _touched(visit, sequence_id)
    what = (
        f"{plural(people.active + people.paused, 'person leaves', 'people leave')} the sequence and "
        "will not get its next step.",
        "This is final: an archived sequence never becomes active again. Pause it where you may want to go on.",
        "What it has sent stays known, with all figures.",
    )
    return visit.ask(Deed(f"Archive {sequence['name']}?", what, "Archive for good", _address(sequence_id)))


@router.post("/delete")
def delete(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Forget a draft or an archived sequence, once that is asked."""
    if visit.sure:
        sequences.delete_sequence(visit.asking("delete_sequence"), sequence_id)
        return visit.go("/sequences", "The sequence is deleted.")
    sequence, people = _touched(visit, sequence_id)
    if sequence["status"] not in DELETED_FROM:
        raise Conflict(f"This sequence is {sequence['status']}; archive it before you delete it.")
    what = (
        f"{sequence['name']} and its steps are not shown any more.",
        f"{plural(people.ever, 'person has', 'people have')} been in it; what they got stays in their history.",
    )
    return visit.ask(Deed(f"Delete {sequence['name']}?", what, "Delete the sequence", _address(sequence_id)))


def _review(visit: Visit, sequence_id: UUID, refused: Many[str] = ()) -> Response:
    with visit.desk.reading() as (connection, _):
        sequence, steps = get_sequence(connection, sequence_id), live_steps(connection, sequence_id)
        faults = activation_faults(connection, sequence)
        named = _named(connection, sequence)
    return visit.show(
        "review.html", status=400 if refused else 200, sequence=sequence, steps=steps, faults=faults, refused=refused,
        **named,
    )  # fmt: skip


def _named(connection: Connection, sequence: dict[str, Any]) -> dict[str, Any]:
    """The sequence's list, none where it has none or that is deleted, and every sender's words by public id."""
    by_list = sequence["trigger_type"] == TriggerType.LIST_ADD and sequence["trigger_list_id"]
    found = lists_page(connection, list_id=sequence["trigger_list_id"]) if by_list else []
    return {"list": next(iter(found), None), "senders": dict(sender_choices(connection))}


def _touched(visit: Visit, sequence_id: UUID) -> tuple[dict[str, Any], People]:
    with visit.desk.reading() as (connection, now):
        return get_sequence(connection, sequence_id), people_of(connection, sequence_id, now)


def _days(figures: list[dict[str, Any]], now: datetime) -> list[tuple[date, list[int]]]:
    """The last days up to today, each with its sums, days without mail too."""
    first = utc_day(now) - timedelta(days=SHOWN_DAYS - 1)
    sums = {first + timedelta(days=number): [0] * len(DAY_SERIES) for number in range(SHOWN_DAYS)}
    for row in figures:
        if row["day"] in sums:
            sums[row["day"]] = [
                had + row[name] for had, name in zip(sums[row["day"]], DAY_SERIES, strict=True)
            ]
    return list(sums.items())


def _sent_by_day(figures: list[dict[str, Any]], now: datetime) -> dict[UUID, list[int]]:
    """What each step sent on each of the last days, for its line."""
    first = utc_day(now) - timedelta(days=SHOWN_DAYS - 1)
    found: dict[UUID, list[int]] = {}
    for row in figures:
        if row["day"] >= first:
            found.setdefault(row["step_id"], [0] * SHOWN_DAYS)[
                min((row["day"] - first).days, SHOWN_DAYS - 1)
            ] += row["sent"]
    return found


def _address(sequence_id: UUID) -> str:
    return f"/sequences/{public_id(Kind.SEQUENCE, sequence_id)}"
