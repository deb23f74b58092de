"""Shapes of what is written and sent: templates, previews, test sends, messages."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from xmit_pipeline.api.paging import Listing
from xmit_pipeline.api.shapes import (
    Address,
    ContactId,
    Document,
    EnrollmentId,
    Given,
    Liquid,
    MessageId,
    Metadata,
    Name,
    NotNull,
    RequestId,
    SenderId,
    SequenceId,
    Shape,
    StepId,
    TemplateId,
    Text,
)
from xmit_pipeline.model.lifecycle import MessageState


class TemplateDraft(Given):
    """A subject and body to keep for later steps."""

    name: Name
    subject: Liquid
    body_html: Liquid
    body_text: Text | None = None


class TemplateChange(Given):
    """What to change; what is left out stays. Steps made from it before keep their own words."""

    name: Annotated[Name | None, NotNull] = None
    subject: Annotated[Liquid | None, NotNull] = None
    body_html: Annotated[Liquid | None, NotNull] = None
    body_text: Text | None = None


class Template(Shape):
    """A saved subject and body."""

    id: TemplateId
    name: str
    subject: str
    body_html: str
    body_text: str | None
    created_at: datetime
    updated_at: datetime


class Templates(Listing):
    """A page of templates, newest first."""

    templates: list[Template]


class PreviewPerson(Given):
    """Whom to render it for: a contact, or names of your own; a made-up person where neither is given."""

    contact_id: ContactId | None = None
    variables: Metadata = Field(
        default_factory=dict, description="Names and values; they win over the contact's own."
    )


class Preview(Shape):
    """A mail as this person would get it; its unsubscribe link is inert."""

    subject: str = Field(examples=["Welcome to Analytical Engines!"])
    html: str
    text: str


class TestSend(Given):
    """A step to send to somebody to look at."""

    step_id: StepId
    to: Address
    contact_id: ContactId | None = Field(
        default=None, description="Whose names and metadata to use; a made-up person's where left out."
    )


class TestSendAnswer(Shape):
    """What became of the test."""

    id: MessageId
    to: str
    subject: str = Field(examples=["[Test] Welcome to Analytical Engines!"])
    status: MessageState = Field(
        description="`sent`: SendGrid took it. `unknown`: no answer came, it may have been taken.",
        examples=["sent"],
    )
    words: str | None


class MessageEvent(Shape):
    """One thing that SendGrid told of a message."""

    id: str | None = Field(examples=["ZGVsaXZlcmVkLTAtMTIzNDU2"], description="SendGrid's id of it.")
    kind: str
    happened_at: datetime
    data: Document


class Message(Shape):
    """One e-mail owed to one contact by one step."""

    id: MessageId
    status: MessageState = Field(examples=["sent"])
    email: str | None = Field(description="The address it goes to, fixed when it is claimed.")
    subject: str | None = Field(description="The step's subject line, Liquid, as it reads now.")
    reason: str | None = Field(
        description="Why it was skipped or failed; null for others.", examples=[None, "suppressed"]
    )
    words: str | None
    presumed: bool = Field(description="Taken as sent, though no answer came.", examples=[False])
    sequence_id: SequenceId
    sequence_name: str | None
    step_id: StepId
    step_name: str | None
    enrollment_id: EnrollmentId
    contact_id: ContactId
    sender_id: SenderId | None = Field(description="Who sends it; null before it is claimed.")
    request_id: RequestId | None
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    events: list[MessageEvent] | None = None


class Messages(Listing):
    """A page of messages, newest first."""

    messages: list[Message]
