"""The steps of a sequence: stage 2 of the builder."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from xmit_pipeline.api import steps, trials
from xmit_pipeline.api.shapes import SequenceId, StepId
from xmit_pipeline.api.shapes_mail import TestSend
from xmit_pipeline.api.shapes_sequences import Step, StepChange, StepDraft, StepOrder, StepRelease
from xmit_pipeline.dashboard.faults import WHOLE, Faults, checked, faults_by_field
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.routes.preview import contact_chosen
from xmit_pipeline.dashboard.routes.sequences import sender_choices
from xmit_pipeline.dashboard.said import Said
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound, XmitError
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.rendering.names import BUILT_IN
from xmit_pipeline.rendering.source import StepSource
from xmit_pipeline.store.dashboard_sequences import waiting_for_step
from xmit_pipeline.store.dashboard_variables import metadata_keys
from xmit_pipeline.store.sequences import get_sequence
from xmit_pipeline.store.steps import get_step, live_steps
from xmit_pipeline.store.templates import get_template, templates_page

router = APIRouter(prefix="/sequences/{sequence_id}/steps")

MOST_CHOICES = 1000

BLANK: dict[str, Any] = {
    "name": "", "subject": "", "bodyHtml": "", "bodyText": None, "delayAmount": 0, "delayUnit": "days",
    "senderId": None,
}  # fmt: skip
"""A new step, by the API's names."""


@router.get("")
def show_steps(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """The steps in order, with what lies between them."""
    with visit.desk.reading() as (connection, _):
        sequence, found = get_sequence(connection, sequence_id), live_steps(connection, sequence_id)
    return visit.show("steps.html", sequence=sequence, steps=found)


@router.get("/new")
def show_new(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """An empty step; the first goes at once, later ones after two days."""
    with visit.desk.reading() as (connection, _):
        number = len(live_steps(connection, sequence_id)) + 1
    return _editor(
        visit, sequence_id, {**BLANK, "name": f"Step {number}", "delayAmount": 0 if number == 1 else 2}
    )


@router.post("/new")
def create(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """Append a step."""
    typed = _typed(visit.form)
    try:
        made = steps.create_step(visit.asking("create_step"), sequence_id, checked(StepDraft, typed))
    except (BadInput, NotFound, Conflict) as error:
        return _editor(visit, sequence_id, typed, faults=_faults(error))
    return visit.go(_after(visit, sequence_id, made.id), f"Step {made.position}, {made.name!r}, is saved.")


@router.post("/new/fill")
def fill_new(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """The new step with a template's words; nothing is saved."""
    return _filled(visit, sequence_id, None)


@router.get("/{step_id}")
def show_step(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """A step to be edited."""
    step = _step(visit, sequence_id, step_id)
    return _editor(visit, sequence_id, step.model_dump(by_alias=True, mode="json"), step)


@router.post("/{step_id}")
def update(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """Save a step, for messages not yet claimed."""
    step, typed = _step(visit, sequence_id, step_id), _typed(visit.form)
    try:
        steps.update_step(visit.asking("update_step"), sequence_id, step_id, checked(StepChange, typed))
    except (BadInput, NotFound, Conflict) as error:
        return _editor(visit, sequence_id, typed, step, _faults(error))
    return visit.go(_after(visit, sequence_id, step_id), f"{typed['name']!r} is saved.")


@router.post("/{step_id}/fill")
def fill(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """The step with a template's words; nothing is saved."""
    return _filled(visit, sequence_id, _step(visit, sequence_id, step_id))


@router.post("/{step_id}/move")
def move(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """One place up or down."""
    with visit.desk.reading() as (connection, _):
        order = [step["id"] for step in live_steps(connection, sequence_id)]
    if step_id not in order:
        raise NotFound("There is no such step in this sequence.")
    place = order.index(step_id)
    target = place + (-1 if visit.form.text("to") == "up" else 1)
    if 0 <= target < len(order):
        order[place], order[target] = order[target], order[place]
        steps.reorder_steps(
            visit.asking("reorder_steps"), sequence_id, checked(StepOrder, {"stepIds": order})
        )
    return visit.go(_address(sequence_id), "The order is changed.")


@router.post("/{step_id}/delete")
def delete(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """Take a step out, once that is asked."""
    if visit.sure:
        steps.delete_step(visit.asking("delete_step"), sequence_id, step_id)
        return visit.go(_address(sequence_id), "The step is deleted.")
    with visit.desk.reading() as (connection, _):
        step = get_step(connection, sequence_id, step_id)
        waiting = waiting_for_step(connection, sequence_id, step_id)
    what = (
        f"{plural(waiting, 'person waits', 'people wait')} for this step; they go on to the next one, or are through.",
        "What it has sent stays in the figures, and nobody gets anything twice.",
    )
    heading = f"Delete step {step['number']}, {step['name']}?"
    return visit.ask(Deed(heading, what, "Delete the step", back=_address(sequence_id)))


@router.post("/{step_id}/release")
def release(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """Lift a step's hold; with `skipFailing` those that fail are skipped from now on."""
    given = checked(StepRelease, {"skipFailing": visit.form.flag("skipFailing")})
    steps.release_step(visit.asking("release_step"), sequence_id, step_id, given)
    sequence = public_id(Kind.SEQUENCE, sequence_id)
    return visit.go(f"/sequences/{sequence}", "The step is released; its mail goes out within a minute.")


@router.post("/{step_id}/test")
def send_test(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """Send what stands in the form to one address; nothing of it is saved, and nothing is lost."""
    step, typed, form = _step(visit, sequence_id, step_id), _typed(visit.form), visit.form
    try:
        with visit.desk.reading() as (connection, _):
            contact_id = contact_chosen(connection, form)
        asked = {"to": form.text("to").strip(), "stepId": step_id, "contactId": contact_id}
        given = checked(TestSend, asked)
        words = StepSource(typed["subject"], typed["bodyHtml"], typed["bodyText"])
        answer = trials.send_words(
            visit.asking("send_test_mail", to=given.to), visit.settings, sequence_id, given, words
        )
    except XmitError as error:
        field = "bodyHtml" if isinstance(error, BadInput) else "to"
        return _editor(visit, sequence_id, typed, step, faults_by_field(error, field))
    told = Said(text=f"The test went to {answer.to}: {answer.subject}", tone="good")
    if answer.words:
        lost = f"The test to {answer.to} left, and its fate is unknown: {answer.words}"
        told = Said(text=lost, tone="note")
    if any(getattr(step, name) != typed[given_name] for name, given_name in _WORDS.items()):
        return _editor(visit, sequence_id, typed, step, told=told)
    return visit.go(f"{_address(sequence_id)}/{public_id(Kind.STEP, step_id)}", told["text"], told["tone"])


_WORDS = {"name": "name", "subject": "subject", "body_html": "bodyHtml", "body_text": "bodyText"}


@dataclass(frozen=True, slots=True)
class Filling:
    """A template that is to take the place of what is written, once that is asked."""

    template: str | None = None
    asks: bool = False


def _editor(
    visit: Visit,
    sequence_id: UUID,
    values: dict[str, Any],
    step: Step | None = None,
    faults: Faults | None = None,
    *,
    filling: Filling = Filling(),
    told: Said | None = None,
) -> Response:
    """The form with these values. A page that answers a post holds what is not saved yet."""
    with visit.desk.reading() as (connection, _):
        sequence = get_sequence(connection, sequence_id)
        templates = [
            (public_id(Kind.TEMPLATE, row["id"]), row["name"])
            for row in templates_page(connection, limit=MOST_CHOICES)
        ]
        choices = {"senders": sender_choices(connection), "templates": templates}
        names = [*BUILT_IN, *(key for key in metadata_keys(connection) if key not in BUILT_IN)]
    return visit.show(
        "step.html", status=400 if faults else 200, sequence=sequence, step=step, values=values, names=names,
        faults=faults or {}, to=visit.form.text("to"), preview_for=visit.form.text("previewFor"),
        filling=filling, unsaved=visit.request.method == "POST", **({"said": told} if told else {}), **choices,
    )  # fmt: skip


def _faults(error: XmitError) -> Faults:
    """What refused a step; a sender can be gone since the page was opened."""
    return faults_by_field(error, "senderId" if isinstance(error, NotFound) else WHOLE)


def _filled(visit: Visit, sequence_id: UUID, step: Step | None) -> Response:
    """The template's words in place of those typed; where a body is written, that is asked first."""
    typed, chosen = _typed(visit.form), visit.form.optional("templateId")
    if chosen is None:
        fault = {"templateId": "Choose a template first; templates are made in the settings."}
        return _editor(visit, sequence_id, typed, step, fault)
    try:
        with visit.desk.reading() as (connection, _):
            saved = get_template(connection, parse_id(Kind.TEMPLATE, chosen))
    except NotFound as error:
        return _editor(visit, sequence_id, typed, step, {"templateId": str(error)})
    if typed["bodyHtml"].strip() and not visit.form.flag("replaces"):
        return _editor(visit, sequence_id, typed, step, filling=Filling(chosen, asks=True))
    words = {"subject": saved["subject"], "bodyHtml": saved["body_html"], "bodyText": saved["body_text"]}
    return _editor(visit, sequence_id, {**typed, **words}, step, filling=Filling(chosen))


def _typed(form: Form) -> dict[str, Any]:
    """The step as it was typed, by the API's names."""
    return {
        "name": form.text("name"),
        "subject": form.text("subject"),
        "bodyHtml": form.text("bodyHtml"),
        "bodyText": form.optional("bodyText"),
        "delayAmount": form.number("delayAmount"),
        "delayUnit": form.text("delayUnit"),
        "senderId": form.optional("senderId"),
    }


def _step(visit: Visit, sequence_id: UUID, step_id: UUID) -> Step:
    with visit.desk.reading() as (connection, _):
        get_sequence(connection, sequence_id)
        return Step.model_validate(get_step(connection, sequence_id, step_id))


def _address(sequence_id: UUID) -> str:
    return f"/sequences/{public_id(Kind.SEQUENCE, sequence_id)}/steps"


def _after(visit: Visit, sequence_id: UUID, step_id: UUID) -> str:
    """Back to the list of steps, or on with the same one where the button said so."""
    stays = visit.form.text("then") == "stay"
    return f"{_address(sequence_id)}/{public_id(Kind.STEP, step_id)}" if stays else _address(sequence_id)
