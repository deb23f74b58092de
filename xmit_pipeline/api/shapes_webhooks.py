"""Shapes of outgoing webhooks and their deliveries."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool

from xmit_pipeline.api.paging import Listing
from xmit_pipeline.api.shapes import EnrollmentId, Given, MessageId, NotNull, PublicId, Shape, Text, one_line
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.model.webhooks import DeliveryState, WebhookType

LONGEST_URL = 2_000
LONGEST_DESCRIPTION = 1_000

WebhookId = Annotated[UUID, PublicId(Kind.WEBHOOK)]
DeliveryId = Annotated[UUID, PublicId(Kind.DELIVERY)]


def _postable(url: str) -> str:
    """An address that can be posted to as it stands."""
    if not url.isascii() or any(letter.isspace() for letter in one_line(url)):
        raise ValueError("An address is ASCII without spaces; write other letters as punycode or %-escapes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"This is not an address: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("Give a whole address such as https://example.com/hooks.")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("Leave user, password and #fragment out; the signature proves who posts.")
    return url


def _each_once(events: list[WebhookType]) -> list[WebhookType]:
    return sorted(set(events))


Url = Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_postable)]
Events = Annotated[list[WebhookType], Field(min_length=1, max_length=100), AfterValidator(_each_once)]
Description = Annotated[Text | None, Field(max_length=LONGEST_DESCRIPTION)]


class WebhookDraft(Given):
    """An endpoint that wants to hear of what happens."""

    url: Url = Field(description="https, or http; redirects are not followed.")
    events: Events = Field(description="What it wants to hear of.")
    enabled: StrictBool = True
    description: Description = None


class WebhookChange(Given):
    """What to change; what is left out stays. What happened while it was disabled is not caught up."""

    url: Annotated[Url | None, NotNull] = None
    events: Annotated[Events | None, NotNull] = None
    enabled: Annotated[StrictBool | None, NotNull] = None
    description: Description = None


class Webhook(Shape):
    """An endpoint."""

    id: WebhookId
    url: str
    events: list[WebhookType]
    enabled: bool
    description: str | None
    disabled_reason: str | None = Field(description="Why it was disabled, where nobody did it by hand.")
    failing_since: datetime | None = Field(
        description="Since when it has only failed; null where it has not."
    )
    created_at: datetime
    updated_at: datetime


class NewWebhook(Webhook):
    """An endpoint, and the only answer that ever holds its secret."""

    secret: str = Field(description="Signs each body: keep it now, it is not shown again.")


class NewSecret(Shape):
    """A secret that replaces the one before at once."""

    secret: str = Field(description="Keep it now, it is not shown again.")


class Webhooks(Listing):
    """A page of endpoints, oldest first."""

    webhooks: list[Webhook]


class Delivery(Shape):
    """One thing to tell to one endpoint; its `id` is in the body that is posted."""

    id: DeliveryId
    type: str = Field(description="What it tells of; `ping` is a test.")
    status: Annotated[
        DeliveryState,
        Field(validation_alias="state", description="`failed`: no attempt is left; `retry` gives new ones."),
    ]
    attempts: int
    last_status_code: Annotated[
        int | None, Field(validation_alias="status_code", description="null where no answer came.")
    ]
    last_words: Annotated[
        str | None, Field(validation_alias="words", description="What went wrong, if anything.")
    ]
    message_id: MessageId | None
    enrollment_id: EnrollmentId | None
    created_at: datetime
    last_attempt_at: Annotated[datetime | None, Field(validation_alias="attempted_at")]
    next_attempt_at: datetime | None = Field(description="null once it is over.")
    delivered_at: datetime | None


class Deliveries(Listing):
    """A page of an endpoint's deliveries, newest first."""

    deliveries: list[Delivery]
