"""A step as one person would get it, in a frame in which nothing runs."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from xmit_pipeline.api.person import rendered, shown_person
from xmit_pipeline.api.shapes import SequenceId, StepId
from xmit_pipeline.api.trials import preview_step
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.headers import PREVIEW_POLICY
from xmit_pipeline.dashboard.visit import AtVisit, Visit
from xmit_pipeline.model.addresses import fold_address
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.rendering.source import StepSource
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.dashboard_enrollments import contact_at
from xmit_pipeline.store.sequences import get_sequence

router = APIRouter(prefix="/sequences/{sequence_id}")

MADE_UP = "Ada Lovelace, a made-up person"
ForWhom = Annotated[str, Query(alias="previewFor")]
_FOREIGN_PICTURE = re.compile(
    r"""(?:\bsrc\s*=\s*["']?|\burl\(\s*["']?|\bbackground\s*=\s*["']?)\s*(?:https?:)?//""", re.IGNORECASE
)
_HEADERS = {
    "Content-Security-Policy": PREVIEW_POLICY,
    "Cross-Origin-Opener-Policy": "unsafe-none",  # a sandboxed page is refused with any other
}


@router.post("/preview")
def preview_typed(visit: AtVisit, sequence_id: SequenceId) -> Response:
    """What is being written, for the person that is chosen; nothing is saved. A fault is shown in its place."""
    form = visit.form
    source = StepSource(form.text("subject"), form.text("bodyHtml"), form.optional("bodyText"))
    try:
        with visit.desk.reading() as (connection, now):
            get_sequence(connection, sequence_id)
            person = shown_person(connection, contact_chosen(connection, form), visit.settings)
        mail = rendered(source, person, now)
    except BadInput as error:
        return shown_mail(visit, fault=str(error), mail=None, whom=None)
    return shown_mail(
        visit, fault=None, mail=mail, whom=person["email"] if form.optional("previewFor") else MADE_UP
    )


@router.get("/steps/{step_id}/preview")
def preview_saved(
    visit: AtVisit, sequence_id: SequenceId, step_id: StepId, preview_for: ForWhom = ""
) -> Response:
    """A saved step, for the contact at an address, or a made-up person: reading, so for those who only look too."""
    try:
        with visit.desk.reading() as (connection, _):
            contact = contact_at_address(connection, preview_for)
        mail = preview_step(visit.desk, visit.settings, sequence_id, step_id, contact)
        whom = preview_for.strip() or MADE_UP
    except BadInput as error:
        return shown_mail(visit, fault=str(error), mail=None, whom=None)
    return shown_mail(visit, fault=None, mail=mail, whom=whom)


def contact_chosen(connection: Connection, form: Form) -> UUID | None:
    """The contact whose address stands in `previewFor`."""
    return contact_at_address(connection, form.text("previewFor"))


def contact_at_address(connection: Connection, text: str) -> UUID | None:
    """The contact with an address as it was typed; None where it is blank. BadInput where nobody has it."""
    given = text.strip()
    if not given:
        return None
    found = contact_at(connection, fold_address(given))
    if found is None:
        fault = f"Nobody has the address {given}; leave it blank for a made-up person."
        raise BadInput(fault, [{"field": "previewFor", "message": fault}])
    return found


def shown_mail(visit: Visit, **values: Any) -> Response:
    """A mail, or what is wrong with it, as a document for a frame in which nothing runs."""
    mail = values["mail"]
    hides = bool(mail and _FOREIGN_PICTURE.search(mail.html))
    response = visit.show("preview.html", hides=hides, **values)
    response.headers.update(_HEADERS)
    return response
