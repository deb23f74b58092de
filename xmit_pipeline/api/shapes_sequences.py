"""Shapes of sequences, steps, enrollments and figures."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from xmit_pipeline.api.paging import Listing
from xmit_pipeline.api.shapes import (
    ContactId,
    EnrollmentId,
    Given,
    Liquid,
    ListId,
    Name,
    NotNull,
    SenderId,
    SequenceId,
    Shape,
    StepId,
    TemplateId,
    Text,
)
from xmit_pipeline.model.delays import LONGEST_DELAY_MINUTES, DelayUnit
from xmit_pipeline.model.lifecycle import EnrollmentStatus, SequenceStatus, TriggerType

LARGEST_PRIORITY = 1_000_000
LONGEST_RESUME = 7 * 24 * 60
MOST_STEPS = 1000

DelayAmount = Annotated[StrictInt, Field(ge=0, le=LONGEST_DELAY_MINUTES)]


def trigger_name(value: object) -> object:
    """The trigger's own name where its other one is given."""
    return TriggerType.MANUAL if value == "api" else value


def _plural(value: object) -> object:
    return f"{value}s" if value in ("minute", "hour", "day") else value


class SequenceDraft(Given):
    """A new sequence."""

    name: Name
    trigger_type: Annotated[TriggerType, BeforeValidator(trigger_name)] = Field(
        description="`list_add`: who is new on the list is enrolled. `manual` (also `api`): by call alone."
    )
    trigger_list_id: ListId | None = Field(default=None, description="Needed for `list_add`.")
    sender_id: SenderId | None = Field(
        default=None, description="The sender of steps without one; else the default."
    )
    enroll_existing: StrictBool = Field(
        default=False, description="Whether activating enrolls who is on the list."
    )
    reenroll: StrictBool = False
    priority: Annotated[StrictInt, Field(ge=0, le=LARGEST_PRIORITY)] = Field(
        default=100, description="Where a day's limit holds, lower goes first, strictly."
    )
    resume_window_minutes: Annotated[StrictInt, Field(ge=0, le=LONGEST_RESUME)] = Field(
        default=60, description="Over how long a resume spreads what came due meanwhile."
    )


class Sequence(Shape):
    """A drip sequence."""

    id: SequenceId
    name: str
    status: SequenceStatus
    trigger_type: TriggerType
    trigger_list_id: ListId | None
    sender_id: SenderId | None
    enroll_existing: bool
    reenroll: bool
    priority: int
    resume_window_minutes: int
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None


class Sequences(Listing):
    """A page of sequences, newest first."""

    sequences: list[Sequence]


class SequenceChange(Given):
    """What to change; what is left out stays. Trigger and list change in a draft, or while it is paused."""

    name: Annotated[Name | None, NotNull] = None
    trigger_type: Annotated[TriggerType | None, BeforeValidator(trigger_name), NotNull] = None
    trigger_list_id: ListId | None = None
    sender_id: SenderId | None = None
    enroll_existing: Annotated[StrictBool | None, NotNull] = None
    reenroll: Annotated[StrictBool | None, NotNull] = None
    priority: Annotated[Annotated[StrictInt, Field(ge=0, le=LARGEST_PRIORITY)] | None, NotNull] = None
    resume_window_minutes: Annotated[Annotated[StrictInt, Field(ge=0, le=LONGEST_RESUME)] | None, NotNull] = (
        None
    )


class StepDraft(Given):
    """A step to append, or to put at a `position`; subject and body may come from a template."""

    name: Name
    template_id: TemplateId | None = Field(
        default=None,
        description="A template whose subject and bodies are copied, where they are not given here.",
    )
    subject: Liquid | None = Field(default=None, description="Liquid; needed without a template.")
    body_html: Liquid | None = Field(
        default=None, description="Liquid; what it prints is escaped. Needed without a template."
    )
    body_text: Text | None = Field(default=None, description="Liquid; made from the HTML where left out.")
    delay_unit: Annotated[DelayUnit, BeforeValidator(_plural)] = Field(
        default=DelayUnit.DAYS, description="The singular is taken too."
    )
    delay_amount: DelayAmount = Field(
        default=0, description="Since the step before was sent, or since enrollment; 0 is at once."
    )
    sender_id: SenderId | None = Field(default=None, description="A sender for this step alone.")
    position: Annotated[StrictInt, Field(ge=1, le=MOST_STEPS)] | None = Field(
        default=None, description="Its place, from 1; left out: the last."
    )


class StepChange(Given):
    """What to change, for messages not yet claimed; what is left out stays, and so does every due time."""

    name: Annotated[Name | None, NotNull] = None
    subject: Annotated[Liquid | None, NotNull] = None
    body_html: Annotated[Liquid | None, NotNull] = None
    body_text: Text | None = None
    delay_unit: Annotated[DelayUnit | None, BeforeValidator(_plural), NotNull] = None
    delay_amount: Annotated[DelayAmount | None, NotNull] = None
    sender_id: SenderId | None = None


class StepOrder(Given):
    """A sequence's steps in their new order."""

    step_ids: list[StepId] = Field(max_length=MOST_STEPS)


class StepRelease(Given):
    """How a held step goes on."""

    skip_failing: StrictBool = Field(
        default=False, description="Skip whom it can't be rendered for, instead of holding it again."
    )


class Step(Shape):
    """One e-mail of a sequence."""

    id: StepId
    sequence_id: SequenceId
    position: Annotated[int, Field(validation_alias="number", description="Its place, from 1.")]
    name: str
    subject: str
    body_html: str
    body_text: str | None
    delay_amount: int
    delay_unit: DelayUnit
    sender_id: SenderId | None
    held_at: datetime | None
    hold_reason: str | None
    skip_failing: bool
    created_at: datetime
    updated_at: datetime


class Steps(Listing):
    """All steps of a sequence, in order."""

    steps: list[Step]


class SequenceDetail(Sequence):
    """A sequence with its steps, and how many enrollments are in each status."""

    steps: list[Step]
    enrollments: dict[EnrollmentStatus, int]


class EnrollAnswer(Shape):
    """How many were enrolled, and why the others were not."""

    enrolled: int
    skipped: int
    skipped_reasons: dict[str, int] = Field(
        description="`not_found`, `already_enrolled`, `inactive`, `suppressed`, `duplicate`: those that occur."
    )


class ActivatedSequence(Sequence, EnrollAnswer):
    """An active sequence, and what `enrollExisting` did."""


class Enrollment(Shape):
    """One contact's way through a sequence."""

    id: EnrollmentId
    sequence_id: SequenceId
    contact_id: ContactId
    email: str | None = Field(description="null once the contact is deleted.")
    first_name: str | None
    last_name: str | None
    status: EnrollmentStatus
    exit_reason: str | None
    source: str = Field(description="What enrolled it.")
    step_id: StepId | None = Field(description="The step waited for.")
    step_name: str | None
    due_at: datetime | None = Field(description="When that step is due; null while its message is open.")
    not_before: datetime | None = Field(description="From when a resume lets it go; null where none did.")
    last_sent_at: datetime | None
    enrolled_at: datetime
    ended_at: datetime | None


class Enrollments(Listing):
    """A page of a sequence's enrollments, newest first."""

    enrollments: list[Enrollment]


class StepFigures(Shape):
    """A step's figures (SPEC 7); rates are over delivered, bounces over sent."""

    step_id: StepId
    name: str
    sent: int
    presumed: int
    delivered: int
    opens: int
    unique_opens: int
    human_opens: int
    clicks: int
    unique_clicks: int
    human_clicks: int
    bounces: int
    complaints: int
    unsubscribes: int
    skipped: int
    skipped_reasons: dict[str, int]
    blocked: int
    dropped: int
    warmup_deferred: int
    failed: int
    unknown: int
    open_rate: float
    click_rate: float
    bounce_rate: float
    complaint_rate: float
    unsubscribe_rate: float


class SequenceStats(Shape):
    """A sequence's figures by step, and its enrollments by status."""

    steps: list[StepFigures]
    enrollments: dict[EnrollmentStatus, int]
    events_missing_since: datetime | None = Field(
        default=None,
        description="From when on SendGrid's events are incomplete, and with them opens, clicks and bounces; null "
        "where nothing says so.",
    )
