"""Whom a preview or a test is rendered for, and the rendering of it; the unsubscribe link is inert."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from xmit_pipeline.api.shapes_mail import Preview
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.names import BUILT_IN
from xmit_pipeline.rendering.plain import render_plain
from xmit_pipeline.rendering.source import StepSource, compile_step
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.contacts import get_contact

Person = dict[str, Any]

MADE_UP: Person = {
    "email": "ada@example.org",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "metadata": '{"companyName": "Analytical Engines"}',
}


def inert_link(settings: Settings) -> str:
    """Where the unsubscribe link of a test or preview leads: a page that unsubscribes nobody."""
    return f"{settings.public_url}/u/test"


def shown_person(connection: Connection, contact_id: UUID | None, settings: Settings) -> Person:
    """A contact as the renderer takes one; a made-up person where none is named."""
    contact = MADE_UP if contact_id is None else get_contact(connection, contact_id)
    return {**{name: contact[name] for name in MADE_UP}, "unsubscribe_url": inert_link(settings)}


def given_person(person: Person, variables: dict[str, Any]) -> Person:
    """The same person with names of the caller's own."""
    built_in = {BUILT_IN[name]: str(value) for name, value in variables.items() if name in BUILT_IN}
    metadata = {**orjson.loads(person["metadata"]), **variables}
    return {**person, **built_in, "metadata": orjson.dumps(metadata).decode()}


def rendered(source: StepSource, person: Person, now: datetime) -> Preview:
    """What this person would get. BadInput with the renderer's words where it can't be rendered."""
    try:
        mail = render_plain(compile_step(source), person, now=now)
    except RenderFault as fault:
        raise BadInput(str(fault)) from fault
    return Preview(subject=mail.subject, html=mail.html, text=mail.text)
