"""Who is in a sequence: the list, each person's own way, getting out, and enrolling by search."""

from itertools import chain
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from xmit_pipeline.api import enrollments
from xmit_pipeline.api.shapes import EnrollmentId, SequenceId
from xmit_pipeline.api.shapes_contacts import ContactIds
from xmit_pipeline.dashboard.faults import checked
from xmit_pipeline.dashboard.marks import AtMark, Search
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.dashboard.wording import EVENTS, reasons
from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.lifecycle import EnrollmentStatus
from xmit_pipeline.store.dashboard_enrollments import (
    MOST_FOUND,
    contacts_to_enroll,
    enrollments_cut,
    exit_reasons,
)
from xmit_pipeline.store.enrollments import counts
from xmit_pipeline.store.explain import Facts, explain
from xmit_pipeline.store.sequences import get_sequence

router = APIRouter(prefix="/sequences/{sequence_id}")


@router.get("/enrollments")
def show_enrollments(
    visit: AtVisit,
    sequence_id: SequenceId,
    status: Annotated[str, Query()] = "",
    reason: Annotated[str, Query()] = "",
    q: Search = None,
    mark: AtMark = None,
) -> Response:
    """A sequence's people, newest first."""
    wanted = status if status in set(EnrollmentStatus) else None
    why = reason if wanted == EnrollmentStatus.EXITED and reason else None
    with visit.desk.reading() as (connection, _):
        sequence = get_sequence(connection, sequence_id)
        found = counts(connection, sequence_id)
        left = exit_reasons(connection, sequence_id) if wanted == EnrollmentStatus.EXITED else {}
        cut = enrollments_cut(connection, sequence_id, status=wanted, reason=why, q=q, mark=mark)
    return visit.show(
        "enrollments.html",
        sequence=sequence,
        cut=cut,
        counts=found,
        reasons=left,
        wanted=wanted,
        reason=why,
        q=q,
    )


@router.get("/enroll")
def show_enroll(visit: AtVisit, sequence_id: SequenceId, q: Search = None) -> Response:
    """Find contacts to enroll by address or name."""
    return _finder(visit, sequence_id, q)


@router.post("/enroll")
def enroll(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Enroll those who were ticked."""
    chosen = visit.form.all("contactIds")
    if not chosen:
        return _finder(visit, sequence_id, visit.form.optional("q"), "Tick somebody first.")
    answer = enrollments.enroll_contacts(
        visit.asking("enroll_contacts"), sequence_id, checked(ContactIds, {"contactIds": chosen})
    )
    words = f"{plural(answer.enrolled, 'person is', 'people are')} enrolled"
    left = f", {answer.skipped:,} not: {reasons(answer.skipped_reasons)}." if answer.skipped else "."
    return visit.go(
        f"{_address(sequence_id)}/enrollments", words + left, "good" if answer.enrolled else "note"
    )


@router.get("/enrollments/{enrollment_id}")
def show_person(visit: AtVisit, sequence_id: SequenceId, enrollment_id: EnrollmentId) -> Response:
    """One person's way: enrolled, each message and its events, what they wait for, or why it is over."""
    with visit.desk.reading() as (connection, now):
        sequence = get_sequence(connection, sequence_id)
        told = explain(
            connection, enrollment_id, now, visit.settings.unknown_after, visit.settings.contact_gap
        )
    facts = told.facts
    if facts["sequence_id"] != sequence_id:
        raise NotFound("There is no such enrollment in this sequence.")
    why = told.sentences[1 + _message_sentences(facts) :]
    return visit.show("person.html", sequence=sequence, facts=facts, why=why, moments=_moments(facts))


@router.post("/enrollments/{enrollment_id}/exit")
def exit_person(visit: AtVisit, sequence_id: SequenceId, enrollment_id: EnrollmentId) -> Response:
    """Take one person out, once that is asked."""
    address = f"{_address(sequence_id)}/enrollments/{public_id(Kind.ENROLLMENT, enrollment_id)}"
    if visit.sure:
        enrollments.exit_enrollment(visit.asking("exit_enrollment"), sequence_id, enrollment_id)
        return visit.go(address, "They are out of the sequence.")
    with visit.desk.reading() as (connection, now):
        facts = explain(
            connection, enrollment_id, now, visit.settings.unknown_after, visit.settings.contact_gap
        ).facts
    whom = facts["email"] or "this person"
    what = (
        f"1 person, {whom}, leaves {facts['sequence_name']} and gets none of its further steps.",
        "They stay a contact, and in every other sequence. Unless the sequence re-enrolls, they can't come back to it.",
    )
    return visit.ask(Deed(f"Take {whom} out?", what, "Take them out", address))


def _finder(visit: Visit, sequence_id: UUID, q: str | None, fault: str | None = None) -> Response:
    with visit.desk.reading() as (connection, now):
        sequence = get_sequence(connection, sequence_id)
        found = contacts_to_enroll(connection, sequence_id, q, now) if q else []
    return visit.show(
        "enroll.html", status=400 if fault else 200, sequence=sequence, found=found[:MOST_FOUND],
        more=len(found) > MOST_FOUND, q=q, fault=fault,
    )  # fmt: skip


def _moments(facts: Facts) -> list[dict[str, Any]]:
    """What happened to a person, oldest first: `at`, `what`, `state`, `words`."""
    own = [{"at": facts["enrolled_at"], "what": "Enrolled", "state": "active", "words": None}]
    messages = chain.from_iterable(_of_message(message) for message in facts["messages"])
    through = "Through all steps" if facts["status"] == "completed" else "Left the sequence"
    end = (
        [{"at": facts["ended_at"], "what": through, "state": facts["status"], "words": facts["exit_reason"]}]
        if facts["ended_at"]
        else []
    )  # fmt: skip
    return sorted([*own, *messages, *end], key=lambda moment: moment["at"])


def _of_message(message: Facts) -> list[dict[str, Any]]:
    at = message["sent_at"] or message["settled_at"] or message["created_at"]
    words = message["words"] if message["state"] != "skipped" else message["reason"]
    first = {
        "at": at,
        "what": message["step_name"],
        "state": message["state"],
        "words": words,
        "message": message,
    }
    events = [
        {"at": event["happened_at"], "what": f"{EVENTS.get(event['kind'], event['kind'])}: {message['step_name']}",
         "state": None, "words": event["words"]}
        for event in message["events"]
    ]  # fmt: skip
    return [first, *events]


def _message_sentences(facts: Facts) -> int:
    """How many of the explanation's sentences tell of messages: the timeline tells those."""
    return sum(1 + len(message["attempts"]) + len(message["events"]) for message in facts["messages"])


def _address(sequence_id: UUID) -> str:
    return f"/sequences/{public_id(Kind.SEQUENCE, sequence_id)}"
