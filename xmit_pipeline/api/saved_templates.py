"""Templates: saved subjects and bodies, copied into a step on use (SPEC 1, 8)."""

from functools import partial
from typing import cast

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk, AtSettings
from xmit_pipeline.api.paging import AtPage, Search, paged
from xmit_pipeline.api.person import given_person, rendered, shown_person
from xmit_pipeline.api.shapes import Success, TemplateId
from xmit_pipeline.api.shapes_mail import (
    Preview,
    PreviewPerson,
    Template,
    TemplateChange,
    TemplateDraft,
    Templates,
)
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.rendering.source import StepSource
from xmit_pipeline.store import templates
from xmit_pipeline.store.templates import TemplateChanges

router = APIRouter(prefix="/api/templates", tags=["templates"])


@router.get("")
def list_templates(desk: AtDesk, page: AtPage, q: Search = None) -> Templates:
    """Templates, newest first; `q` searches in name and subject."""
    with desk.reading() as (connection, _):
        rows, total = paged(partial(templates.templates_page, connection, q=q), page)
    shown = [Template.model_validate(row) for row in rows]
    return Templates(templates=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_template(desk: AtDesk, draft: TemplateDraft) -> Template:
    """Keep a subject and body; Liquid that does not parse is refused with its line."""
    with desk.changing() as (connection, now):
        template_id = templates.create_template(connection, now, **draft.model_dump())
        desk.made(Kind.TEMPLATE, template_id)
        return Template.model_validate(templates.get_template(connection, template_id))


@router.get("/{template_id}")
def get_template(desk: AtDesk, template_id: TemplateId) -> Template:
    """One template."""
    with desk.reading() as (connection, _):
        return Template.model_validate(templates.get_template(connection, template_id))


@router.put("/{template_id}")
def update_template(desk: AtDesk, template_id: TemplateId, change: TemplateChange) -> Success:
    """Change what is given; steps that were made from it keep their own words."""
    changes = cast(TemplateChanges, change.model_dump(exclude_unset=True))
    with desk.changing() as (connection, now):
        templates.update_template(connection, template_id, now, changes)
    return Success()


@router.delete("/{template_id}")
def delete_template(desk: AtDesk, template_id: TemplateId) -> Success:
    """Forget a template; steps that were made from it stay as they are."""
    with desk.changing() as (connection, _):
        templates.delete_template(connection, template_id)
    return Success()


@router.post("/{template_id}/preview")
def preview_template(
    desk: AtDesk, settings: AtSettings, template_id: TemplateId, given: PreviewPerson | None = None
) -> Preview:
    """The template as somebody would get it; nothing is sent."""
    asked = given or PreviewPerson()
    with desk.reading() as (connection, now):
        row = templates.get_template(connection, template_id)
        person = shown_person(connection, asked.contact_id, settings)
    source = StepSource(row["subject"], row["body_html"], row["body_text"])
    return rendered(source, given_person(person, asked.variables), now)
