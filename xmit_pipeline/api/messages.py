"""Messages: what was sent to whom, what was not and why, and what SendGrid told of it (SPEC 6, 8)."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage, Search, YesOrNo, paged
from xmit_pipeline.api.shapes import ContactId, MessageId, SequenceId
from xmit_pipeline.api.shapes_mail import Message, Messages
from xmit_pipeline.model.lifecycle import MessageState
from xmit_pipeline.store import messages

router = APIRouter(prefix="/api/messages", tags=["messages"])

StatusFilter = Annotated[
    MessageState | None, Query(description="Only those in this status.", examples=["sent"])
]
OfSequence = Annotated[SequenceId | None, Query(alias="sequenceId", description="Only this sequence's.")]
OfContact = Annotated[ContactId | None, Query(alias="contactId", description="Only this contact's.")]
WithEvents = Annotated[
    YesOrNo, Query(alias="includeEvents", description="Whether each message brings its events.")
]


@router.get("")
def list_messages(
    desk: AtDesk,
    page: AtPage,
    status: StatusFilter = None,
    sequence_id: OfSequence = None,
    contact_id: OfContact = None,
    q: Search = None,
    include_events: WithEvents = "false",
) -> Messages:
    """Messages, newest first; `q` searches in address and subject."""
    found = partial(
        messages.messages_page, status=status, sequence_id=sequence_id, contact_id=contact_id, q=q
    )
    with desk.reading() as (connection, _):
        rows, total = paged(partial(found, connection), page)
        if include_events == "true":
            events = messages.events_of(connection, [row["id"] for row in rows])
            rows = [{**row, "events": events[row["id"]]} for row in rows]
    shown = [Message.model_validate(row) for row in rows]
    return Messages(messages=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.get("/{message_id}")
def get_message(desk: AtDesk, message_id: MessageId) -> Message:
    """One message with its events, oldest first."""
    with desk.reading() as (connection, _):
        row = messages.get_message(connection, message_id)
        events = messages.events_of(connection, [message_id])[message_id]
    return Message.model_validate({**row, "events": events})
