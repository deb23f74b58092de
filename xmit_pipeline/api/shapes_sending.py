"""Shapes of domains, their warmup, and senders."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, WithJsonSchema

from xmit_pipeline.api.paging import Listing
from xmit_pipeline.api.shapes import Address, DomainId, Given, Label, NotNull, SenderId, Shape
from xmit_pipeline.model.addresses import ADDRESS_LENGTH, ADDRESS_PATTERN, address_fault
from xmit_pipeline.model.health import HealthState
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.model.warmup import SLOWEST_FACTOR

LARGEST_DAY = 1_000_000_000
LONGEST_TABLE = 1000
LONGEST_DOMAIN = ADDRESS_LENGTH - len("a@")
DOMAIN_PATTERN = ADDRESS_PATTERN.partition("@")[2]


def domain_name(text: str) -> str:
    """A domain's name in its folded form; refused where no address can lie on it."""
    name = text.strip().lower()
    if address_fault(f"a@{name}"):
        raise ValueError("This is not a domain name; one looks like example.com.")
    return name


def _plain_number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("It must be a number.")  # noqa: TRY004  (pydantic's way)
    return str(value) if isinstance(value, float) else value


DayLimit = Annotated[StrictInt, Field(ge=1, le=LARGEST_DAY)]
TableLimit = Annotated[StrictInt, Field(ge=0, le=LARGEST_DAY)]
LARGEST_FACTOR = 1000
Factor = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    Field(ge=SLOWEST_FACTOR, le=LARGEST_FACTOR, decimal_places=4),
    WithJsonSchema({"type": "number", "minimum": float(SLOWEST_FACTOR), "maximum": LARGEST_FACTOR}),
]


class DomainDraft(Given):
    """A sending domain."""

    name: Annotated[
        str,
        AfterValidator(domain_name),
        Field(
            json_schema_extra={"pattern": f"^{DOMAIN_PATTERN}$", "maxLength": LONGEST_DOMAIN},
            examples=["mail.example.com"],
        ),
    ]
    verified: StrictBool = Field(default=False, description="The operator's word that SendGrid knows it.")


class DomainHealth(Shape):
    """How its mail fared since the later of 7 days ago and the last resume; rates are over sent."""

    state: HealthState = Field(description="`good`, `warning` or `critical`.")
    since: datetime = Field(description="From when on mail counts.")
    sent: int
    bounces: int
    complaints: int
    bounce_rate: float
    complaint_rate: float = Field(description="Complaints over sent, 0 to 1.")


class Domain(Shape):
    """A sending domain; it carries the warmup."""

    id: DomainId
    name: str
    verified: bool
    warmup_state: WarmupState
    health: DomainHealth
    created_at: datetime


class Domains(Listing):
    """A page of domains, by name."""

    domains: list[Domain]


class WarmupChange(Given):
    """What to change, at once also for the rest of the day; what is left out stays."""

    enabled: Annotated[StrictBool | None, NotNull] = Field(default=None, description="Enabling starts day 1.")
    start: Annotated[DayLimit | None, NotNull] = Field(default=None, description="The limit of day 1.")
    factor: Annotated[Factor | None, NotNull] = Field(default=None, description="Each day's growth.")
    target: Annotated[DayLimit | None, NotNull] = Field(default=None, description="The largest limit.")
    table: Annotated[list[TableLimit] | None, Field(max_length=LONGEST_TABLE)] = Field(
        default=None, description="Day limits given instead of the curve; null goes back to the curve."
    )
    pacing: Annotated[StrictBool | None, NotNull] = Field(
        default=None, description="Whether a backlog is spread over the day's hours."
    )
    hold_target: Annotated[StrictBool | None, NotNull] = Field(
        default=None, description="Whether the target stays a limit for good."
    )


class WarmupPause(Given):
    """Why, for whoever looks later."""

    reason: Label = None


class Warmup(Shape):
    """A domain's warmup, and how it stands today (UTC)."""

    enabled: bool
    state: WarmupState
    start: int
    factor: float
    target: int
    table: list[int] | None
    pacing: bool
    hold_target: bool
    day: int | None = Field(description="Day of the warmup; null where it is not enabled.")
    limit: int | None = Field(description="Today's limit; null where there is none, or while paused.")
    used: int = Field(description="Places taken today.")
    left: int | None = Field(description="Places left today; null where there is no limit, 0 while paused.")
    pause_reason: str | None


class SenderDraft(Given):
    """A From address."""

    domain_id: DomainId
    email: Address = Field(description="It must lie on the domain.")
    name: Label = Field(default=None, description="The name that people see.")
    reply_to: Address | None = None


class SenderChange(Given):
    """What to change; what is left out stays, null empties."""

    name: Label = None
    reply_to: Address | None = None


class Sender(Shape):
    """A From address on a domain."""

    id: SenderId
    domain_id: DomainId
    email: str
    name: str | None
    reply_to: str | None
    verified: bool
    is_default: bool
    held_at: datetime | None
    hold_reason: str | None
    created_at: datetime


class Senders(Listing):
    """A page of senders, oldest first."""

    senders: list[Sender]
