"""Senders: From addresses on domains (SPEC 1, 8)."""

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.errors import naming
from xmit_pipeline.api.paging import AtPage, cut
from xmit_pipeline.api.shapes import SenderId, Success
from xmit_pipeline.api.shapes_sending import Sender, SenderChange, SenderDraft, Senders
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.store import sender_rows, senders

router = APIRouter(prefix="/api/senders", tags=["senders"])


@router.get("")
def list_senders(desk: AtDesk, page: AtPage) -> Senders:
    """Senders, oldest first."""
    with desk.reading() as (connection, _):
        rows = senders.senders(connection)
    shown = [Sender.model_validate(row) for row in cut(rows, page)]
    return Senders(senders=shown, total_count=len(rows), limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_sender(desk: AtDesk, draft: SenderDraft) -> Sender:
    """A From address; it is verified where its domain is, and the first one is the default."""
    with desk.changing() as (connection, now), naming("email"):
        sender_id = senders.add_sender(
            connection, draft.domain_id, draft.email, now, name=draft.name, reply_to=draft.reply_to
        )
        desk.made(Kind.SENDER, sender_id)
        return Sender.model_validate(senders.get_sender(connection, sender_id))


@router.put("/{sender_id}")
def update_sender(desk: AtDesk, sender_id: SenderId, change: SenderChange) -> Success:
    """Change the display name or the Reply-To."""
    given = change.model_fields_set
    with desk.changing() as (connection, _):
        sender_rows.update_sender(
            connection,
            sender_id,
            name=change.name,
            renames="name" in given,
            reply_to=change.reply_to,
            redirects="reply_to" in given,
        )
    return Success()


@router.put("/{sender_id}/default")
def make_default_sender(desk: AtDesk, sender_id: SenderId) -> Success:
    """Make it the sender of sequences that name none."""
    with desk.changing() as (connection, _):
        senders.set_default(connection, sender_id)
    return Success()


@router.post("/{sender_id}/release")
def release_sender(desk: AtDesk, sender_id: SenderId) -> Sender:
    """Lift the hold that a refusal by SendGrid put on it."""
    with desk.changing() as (connection, _):
        senders.release_sender(connection, sender_id)
        return Sender.model_validate(senders.get_sender(connection, sender_id))


@router.delete("/{sender_id}")
def delete_sender(desk: AtDesk, sender_id: SenderId) -> Success:
    """Forget a sender that no sequence uses, archived ones aside."""
    with desk.changing() as (connection, now):
        sender_rows.delete_sender(connection, sender_id, now)
    return Success()
