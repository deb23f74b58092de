"""The list of sequences, and their setup: stage 1 of the builder."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from xmit_pipeline.api import sequences
from xmit_pipeline.api.shapes import SequenceId
from xmit_pipeline.api.shapes_sequences import Sequence, SequenceChange, SequenceDraft
from xmit_pipeline.dashboard.faults import WHOLE, Faults, checked, faults_by_field
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.marks import AtMark, Search
from xmit_pipeline.dashboard.visit import AtVisit, Visit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import Kind, parse_known_ids, public_id
from xmit_pipeline.model.lifecycle import TRIGGER_CHANGES_IN, SequenceStatus, TriggerType
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.dashboard_sequences import sequences_cut
from xmit_pipeline.store.lists import lists_page
from xmit_pipeline.store.senders import senders
from xmit_pipeline.store.sequences import get_sequence

router = APIRouter()

MOST_CHOICES = 1000

BLANK: dict[str, Any] = {
    "name": "",
    "triggerType": TriggerType.LIST_ADD.value,
    "triggerListId": None,
    "senderId": None,
    "enrollExisting": False,
    "reenroll": False,
    "priority": 100,
    "resumeWindowMinutes": 60,
}
"""A new sequence's setup, by the API's names."""


@router.get("/sequences")
def show_sequences(
    visit: AtVisit, status: Annotated[str, Query()] = "", q: Search = None, mark: AtMark = None
) -> Response:
    """All sequences, newest first, with what became of their people."""
    wanted = status if status in set(SequenceStatus) else None
    with visit.desk.reading() as (connection, now):
        cut = sequences_cut(connection, now, q=q, status=wanted, mark=mark)
    return visit.show("sequences.html", cut=cut, q=q, wanted=wanted)


@router.get("/sequences/new")
def show_new(visit: AtVisit) -> Response:
    """An empty setup."""
    return _setup(visit, BLANK)


@router.post("/sequences")
def create(visit: AtVisit) -> Response:
    """A new draft, and on to its steps."""
    typed = _typed(visit.form)
    try:
        made = sequences.create_sequence(visit.asking("create_sequence"), checked(SequenceDraft, typed))
    except (BadInput, NotFound) as error:
        return _setup(visit, typed, faults=faults_by_field(error, _gone(visit, typed)))
    return visit.go(
        f"/sequences/{public_id(Kind.SEQUENCE, made.id)}/steps", "The draft is saved. Now its steps."
    )


@router.get("/sequences/{sequence_id}/setup")
def show_setup(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """A sequence's setup as it stands."""
    sequence = _sequence(visit, sequence_id)
    return _setup(visit, sequence.model_dump(by_alias=True, mode="json"), sequence)


@router.post("/sequences/{sequence_id}/setup")
def update(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Change the setup; of an active sequence all but trigger and list."""
    sequence, typed = _sequence(visit, sequence_id), _typed(visit.form)
    if sequence.status not in TRIGGER_CHANGES_IN:
        del typed["triggerType"], typed["triggerListId"]
    try:
        change = checked(SequenceChange, typed)
        sequences.update_sequence(visit.asking("update_sequence"), sequence_id, change)
    except (BadInput, NotFound, Conflict) as error:
        kept = sequence.model_dump(by_alias=True, mode="json")
        return _setup(visit, {**kept, **typed}, sequence, faults_by_field(error, _gone(visit, typed)))
    address = f"/sequences/{public_id(Kind.SEQUENCE, sequence_id)}"
    draft = sequence.status is SequenceStatus.DRAFT
    return visit.go(f"{address}/steps" if draft else address, "The setup is saved.")


def sender_choices(connection: Connection) -> list[tuple[str, str]]:
    """Every sender's id and words, for a choice."""
    return [(public_id(Kind.SENDER, row["id"]), _sender_words(row)) for row in senders(connection)]


def _setup(
    visit: Visit, values: dict[str, Any], sequence: Sequence | None = None, faults: Faults | None = None
) -> Response:
    with visit.desk.reading() as (connection, _):
        choices = {
            "lists": _list_choices(connection, values["triggerListId"]),
            "senders": sender_choices(connection),
        }
    fixed = sequence is not None and sequence.status not in TRIGGER_CHANGES_IN
    return visit.show(
        "setup.html", status=400 if faults else 200, values=values, sequence=sequence, faults=faults or {},
        fixed=fixed, **choices,
    )  # fmt: skip


def _list_choices(connection: Connection, chosen: str | None) -> list[tuple[str, str]]:
    """Lists for a choice, the one that is chosen at their head where there are too many for it to be among them."""
    known = lists_page(connection, limit=MOST_CHOICES)
    choices = [(public_id(Kind.LIST, row["id"]), _list_words(row)) for row in known]
    if not chosen or any(chosen == list_id for list_id, _ in choices):
        return choices
    return [*((chosen, _list_words(row)) for row in _list(connection, chosen)), *choices]


def _list(connection: Connection, chosen: str) -> list[dict[str, Any]]:
    """The list with this id; nothing where it is gone."""
    [list_id] = parse_known_ids(Kind.LIST, [chosen])
    return lists_page(connection, list_id=list_id) if list_id else []


def _list_words(row: dict[str, Any]) -> str:
    return f"{row['name']} ({row['contact_count']:,})"


def _gone(visit: Visit, typed: dict[str, Any]) -> str:
    """The field whose choice is there no more, where one is."""
    with visit.desk.reading() as (connection, _):
        chosen = typed.get("triggerListId")
        listed = not chosen or _list(connection, chosen)
        sends = not typed["senderId"] or typed["senderId"] in dict(sender_choices(connection))
    return WHOLE if listed and sends else "senderId" if listed else "triggerListId"


def _typed(form: Form) -> dict[str, Any]:
    """The setup as it was typed, by the API's names."""
    by_list = form.text("triggerType") == TriggerType.LIST_ADD
    return {
        "name": form.text("name"),
        "triggerType": form.text("triggerType"),
        "triggerListId": form.optional("triggerListId") if by_list else None,
        "senderId": form.optional("senderId"),
        "enrollExisting": by_list and form.flag("enrollExisting"),
        "reenroll": form.flag("reenroll"),
        "priority": form.number("priority"),
        "resumeWindowMinutes": form.number("resumeWindowMinutes"),
    }


def _sequence(visit: Visit, sequence_id: UUID) -> Sequence:
    with visit.desk.reading() as (connection, _):
        return Sequence.model_validate(get_sequence(connection, sequence_id))


def _sender_words(row: dict[str, Any]) -> str:
    name = f"{row['name']} <{row['email']}>" if row["name"] else row["email"]
    notes = [
        note for note, told in (("default", row["is_default"]), ("not verified", not row["verified"])) if told
    ]
    return f"{name} ({', '.join(notes)})" if notes else name
