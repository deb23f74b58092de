"""Senders: From addresses on domains, the default one, and those that SendGrid's refusal holds."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from xmit_pipeline.api import senders as calls
from xmit_pipeline.api.shapes import SenderId
from xmit_pipeline.api.shapes_sending import SenderChange, SenderDraft
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.dashboard_sending import senders_with_domains, sending_by_default
from xmit_pipeline.store.sender_rows import refuse_sender_in_use
from xmit_pipeline.store.senders import domains, get_sender

PAGE = "/sending/senders"
router = APIRouter(prefix=PAGE)

TOLD = 5
"""Sequences that a sentence names at most."""


@router.get("")
def show_senders(visit: AtVisit) -> Response:
    """All senders, oldest first."""
    with visit.desk.reading() as (connection, _):
        rows, known = senders_with_domains(connection), domains(connection)
    return visit.show("senders.html", rows=rows, domains=known)


@router.get("/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return _new(visit, {"domainId": visit.request.query_params.get("domain")}, {})


@router.post("")
def create(visit: AtVisit) -> Response:
    """A From address; verified where its domain is."""
    form = visit.form
    values = {name: form.optional(name) for name in ("domainId", "name", "replyTo")}
    values["email"] = form.text("email").strip()
    try:
        made = calls.create_sender(visit.asking("create_sender"), checked(SenderDraft, values))
    except (BadInput, Conflict, NotFound) as error:
        return _new(visit, values, _faults(error))
    return visit.go(
        PAGE, f"{made.email} is a sender now{', and the default one' if made.is_default else ''}."
    )


@router.get("/{sender_id}/edit")
def show_edit(visit: AtVisit, sender_id: SenderId) -> Response:
    """Its name and Reply-To."""
    row = _sender(visit, sender_id)
    values = {"name": row["name"], "replyTo": row["reply_to"]}
    return visit.show("sender_edit.html", row=row, values=values, faults={})


@router.post("/{sender_id}/edit")
def update(visit: AtVisit, sender_id: SenderId) -> Response:
    """Change name and Reply-To, for mail not yet claimed."""
    row = _sender(visit, sender_id)
    values = {"name": visit.form.optional("name"), "replyTo": visit.form.optional("replyTo")}
    try:
        calls.update_sender(visit.asking("update_sender"), sender_id, checked(SenderChange, values))
    except BadInput as error:
        faults = faults_by_field(error)
        return visit.show("sender_edit.html", status=400, row=row, values=values, faults=faults)
    return visit.go(PAGE, f"{row['email']} is saved.")


@router.post("/{sender_id}/default")
def make_default(visit: AtVisit, sender_id: SenderId) -> Response:
    """The sender of sequences that name none; asked first where it would stop some that run."""
    row = _sender(visit, sender_id)
    if (not row["verified"] or row["held_at"]) and not visit.sure:
        with visit.desk.reading() as (connection, _):
            stopped = sending_by_default(connection)
        if stopped:
            return visit.ask(_stopping(row, stopped))
    calls.make_default_sender(visit.asking("make_default_sender"), sender_id)
    return visit.go(PAGE, f"{row['email']} sends for every sequence that names no sender.")


@router.post("/{sender_id}/release")
def release(visit: AtVisit, sender_id: SenderId) -> Response:
    """Lift the hold of a refusal."""
    row = _sender(visit, sender_id)
    calls.release_sender(visit.asking("release_sender"), sender_id)
    return visit.go(PAGE, f"{row['email']} is released; its mail goes out again within a minute.")


@router.post("/{sender_id}/delete")
def delete(visit: AtVisit, sender_id: SenderId) -> Response:
    """Forget a sender that no sequence uses."""
    row = _sender(visit, sender_id)
    with visit.desk.reading() as (connection, _):
        refuse_sender_in_use(connection, sender_id)
    if not visit.sure:
        after = ("Another sender becomes the default one.",) if row["is_default"] else ()
        what = ("No sequence uses it; what was sent with it stays.", *after)
        return visit.ask(Deed(f"Delete the sender {row['email']}?", what, "Delete it", PAGE))
    calls.delete_sender(visit.asking("delete_sender"), sender_id)
    return visit.go(PAGE, f"The sender {row['email']} is deleted.")


def _stopping(row: dict[str, Any], stopped: list[str]) -> Deed:
    why = "is held: SendGrid refused it" if row["verified"] else "is not verified yet"
    more = f" and {len(stopped) - TOLD:,} more" if len(stopped) > TOLD else ""
    what = (
        f"{row['email']} {why}, so nothing goes out by it.",
        f"{plural(len(stopped), 'active sequence names', 'active sequences name')} no sender and would stand still: "
        f"{', '.join(stopped[:TOLD])}{more}. Their people wait; nobody is lost.",
    )
    return Deed(f"Make {row['email']} the default all the same?", what, "Make it the default", PAGE)


def _new(visit: Visit, values: dict[str, Any], faults: Faults) -> Response:
    with visit.desk.reading() as (connection, _):
        known = [(public_id(Kind.DOMAIN, row["id"]), row["name"]) for row in domains(connection)]
    return visit.show(
        "sender_new.html", status=400 if faults else 200, values=values, domains=known, faults=faults
    )


def _faults(error: BadInput | Conflict | NotFound) -> Faults:
    if isinstance(error, BadInput):
        return faults_by_field(error)
    return {"domainId" if isinstance(error, NotFound) else "email": str(error)}


def _sender(visit: Visit, sender_id: UUID) -> dict[str, Any]:
    with visit.desk.reading() as (connection, _):
        return get_sender(connection, sender_id)
