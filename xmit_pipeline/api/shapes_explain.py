"""Shapes of an explanation: one enrollment, its messages, and what it waits for (SPEC 10)."""

from datetime import datetime
from typing import Any

from pydantic import Field

from xmit_pipeline.api.shapes import (
    ContactId,
    EnrollmentId,
    MessageId,
    RequestId,
    SequenceId,
    Shape,
    StepId,
    SuppressionId,
)
from xmit_pipeline.store.explain import Explanation


class ExplainedAttempt(Shape):
    """One message's place in one request, and what became of the request."""

    request_id: RequestId
    state: str
    withdrawn: bool = Field(description="It left the request before the post.")
    posted_at: datetime | None
    status_code: int | None
    provider_id: str | None
    words: str | None = Field(description="SendGrid's own words, or what explains the lack of an answer.")


class ExplainedEvent(Shape):
    """One entry of SendGrid's Event Webhook."""

    kind: str
    happened_at: datetime
    words: str | None


class ExplainedMessage(Shape):
    """One e-mail that this enrollment was owed, and its fate."""

    id: MessageId
    step_id: StepId
    step_name: str
    email: str
    state: str
    reason: str | None
    words: str | None
    presumed: bool
    due_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    attempts: list[ExplainedAttempt]
    events: list[ExplainedEvent]


class ExplainedSuppression(Shape):
    """Why the address is not mailed."""

    id: SuppressionId
    reason: str
    source: str
    created_at: datetime
    expires_at: datetime | None


class ExplainedDomain(Shape):
    """The sending domain's day; `limit` and `left` are null where there is no limit."""

    name: str
    warmup: str
    day: int
    limit: int | None
    used: int
    left: int | None
    pause_reason: str | None


class ExplainedFacts(Shape):
    """Everything the sentences rest on."""

    id: EnrollmentId
    sequence_id: SequenceId
    sequence_name: str
    sequence_status: str
    contact_id: ContactId
    email: str | None
    contact_status: str
    status: str
    exit_reason: str | None
    source: str
    enrolled_at: datetime
    ended_at: datetime | None
    step_id: StepId | None
    step_name: str | None
    due_at: datetime | None = Field(description="The original due time of the step waited for.")
    not_before: datetime | None
    wall: str | None = Field(
        description="What a due mail waits for: `warmup_day`, `warmup_pace`, `warmup_paused`, `step_held`, "
        "`sender_unusable`; null where nothing is in its way."
    )
    goes_next: bool = Field(description="The next tick takes it.")
    ahead: int | None = Field(description="People of the same sequence who wait and have waited longer.")
    earliest_at: datetime | None
    step_hold_reason: str | None
    sender_hold_reason: str | None
    domain: ExplainedDomain | None
    messages: list[ExplainedMessage]
    suppressions: list[ExplainedSuppression]
    last_tick_at: datetime | None


class ExplanationAnswer(Shape):
    """Sentences for people, facts for programs."""

    sentences: list[str]
    facts: ExplainedFacts

    @classmethod
    def of(cls, explanation: Explanation) -> "ExplanationAnswer":
        """The answer for what the store found."""
        given: dict[str, Any] = {"sentences": explanation.sentences, "facts": explanation.facts}
        return cls.model_validate(given)
