"""Templates: saved subjects and bodies, with a preview; a step copies one, and keeps its own words then (SPEC 1)."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from xmit_pipeline.api import saved_templates as calls
from xmit_pipeline.api.person import rendered, shown_person
from xmit_pipeline.api.shapes import TemplateId
from xmit_pipeline.api.shapes_mail import TemplateChange, TemplateDraft
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.marks import Search
from xmit_pipeline.dashboard.routes.preview import MADE_UP, contact_chosen, shown_mail
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.rendering.source import StepSource
from xmit_pipeline.store.templates import get_template, templates_page

PAGE = "/settings/templates"
router = APIRouter(prefix=PAGE)

MOST_SHOWN = 1000


@router.get("")
def show_templates(visit: AtVisit, q: Search = None) -> Response:
    """Templates, newest first."""
    with visit.desk.reading() as (connection, _):
        rows = templates_page(connection, q=q, limit=MOST_SHOWN)
    return visit.show("templates.html", rows=rows, q=q)


@router.get("/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return _form(visit, None, {}, {})


@router.post("")
def create(visit: AtVisit) -> Response:
    """Keep a subject and body."""
    typed = _typed(visit)
    try:
        made = calls.create_template(visit.asking("create_template"), checked(TemplateDraft, typed))
    except BadInput as error:
        return _form(visit, None, typed, _faults(error))
    return visit.go(_address(made.id), "The template is saved; a step can take it up in the builder.")


@router.post("/preview")
def preview(visit: AtVisit) -> Response:
    """What is being written, as somebody would get it; nothing is saved."""
    form = visit.form
    source = StepSource(form.text("subject"), form.text("bodyHtml"), form.optional("bodyText"))
    try:
        with visit.desk.reading() as (connection, now):
            person = shown_person(connection, contact_chosen(connection, form), visit.settings)
        mail = rendered(source, person, now)
    except BadInput as error:
        return shown_mail(visit, fault=str(error), mail=None, whom=None)
    whom = person["email"] if form.optional("previewFor") else MADE_UP
    return shown_mail(visit, fault=None, mail=mail, whom=whom)


@router.get("/{template_id}")
def show_template(visit: AtVisit, template_id: TemplateId) -> Response:
    """A template to be edited, beside its preview."""
    row = _template(visit, template_id)
    words = {"bodyHtml": row["body_html"], "bodyText": row["body_text"]}
    values = {"name": row["name"], "subject": row["subject"], **words}
    return _form(visit, row, values, {})


@router.get("/{template_id}/preview")
def preview_saved(visit: AtVisit, template_id: TemplateId) -> Response:
    """A saved template, for a made-up person."""
    try:
        mail = calls.preview_template(visit.desk, visit.settings, template_id)
    except BadInput as error:
        return shown_mail(visit, fault=str(error), mail=None, whom=None)
    return shown_mail(visit, fault=None, mail=mail, whom=MADE_UP)


@router.post("/{template_id}")
def update(visit: AtVisit, template_id: TemplateId) -> Response:
    """Change a template; steps that took it up keep their words."""
    row, typed = _template(visit, template_id), _typed(visit)
    try:
        change = checked(TemplateChange, typed)
        calls.update_template(visit.asking("update_template"), template_id, change)
    except BadInput as error:
        return _form(visit, row, typed, _faults(error))
    return visit.go(
        _address(template_id), "The template is saved. Steps that took it up keep their own words."
    )


@router.post("/{template_id}/delete")
def delete(visit: AtVisit, template_id: TemplateId) -> Response:
    """Forget a template."""
    row = _template(visit, template_id)
    if not visit.sure:
        what = ("Steps that took it up keep their words.",)
        return visit.ask(
            Deed(f"Delete the template {row['name']}?", what, "Delete it", _address(template_id))
        )
    calls.delete_template(visit.asking("delete_template"), template_id)
    return visit.go(PAGE, f"The template {row['name']} is deleted.")


def _typed(visit: Visit) -> dict[str, Any]:
    form = visit.form
    words = {name: form.text(name) for name in ("name", "subject", "bodyHtml")}
    return {**words, "bodyText": form.optional("bodyText")}


def _form(visit: Visit, row: dict[str, Any] | None, values: dict[str, Any], faults: Faults) -> Response:
    status = 400 if faults else 200
    return visit.show("template.html", status=status, row=row, values=values, faults=faults)


def _faults(error: BadInput) -> Faults:
    return faults_by_field(error, "bodyHtml")


def _template(visit: Visit, template_id: UUID) -> dict[str, Any]:
    with visit.desk.reading() as (connection, _):
        return get_template(connection, template_id)


def _address(template_id: UUID) -> str:
    return f"{PAGE}/{public_id(Kind.TEMPLATE, template_id)}"
