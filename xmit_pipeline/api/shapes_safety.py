"""Shapes of what keeps mail from going out, and of who changed what: suppressions and the audit."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from xmit_pipeline.api.paging import Listing
from xmit_pipeline.api.shapes import Address, AuditId, Document, Given, Name, Shape, SuppressionId
from xmit_pipeline.model.clock import parse_moment
from xmit_pipeline.model.lifecycle import SuppressionReason


def _moment(value: object) -> object:
    """A text as a time in UTC, without a fraction of a second's noise; numbers are no times."""
    if value is None or isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("It must be a time such as 2026-03-02T09:30:00Z.")  # noqa: TRY004  (pydantic's way)
    try:
        return parse_moment(value)
    except (ValueError, OverflowError) as error:
        raise ValueError("It must be a time such as 2026-03-02T09:30:00Z.") from error


class SuppressionDraft(Given):
    """An address that must not be mailed any more."""

    email: Address
    reason: SuppressionReason = SuppressionReason.MANUAL
    source: Name = Field(default="api", description="Where the wish came from, for whoever looks later.")
    expires_at: Annotated[
        datetime | None,
        BeforeValidator(_moment),
        Field(description="When it ends by itself, in the future; left out: never.", examples=[None]),
    ] = None


class Suppression(Shape):
    """An address that must not be mailed, and why."""

    id: SuppressionId
    email: str
    reason: SuppressionReason
    source: str
    created_at: datetime
    expires_at: datetime | None


class Suppressions(Listing):
    """A page of what is suppressed at present, newest first."""

    suppressions: list[Suppression]


class SuppressionCheck(Shape):
    """Whether an address must not be mailed; reason and time are the oldest one's, null where it may be."""

    suppressed: bool
    reason: SuppressionReason | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


class AuditEntry(Shape):
    """One change: who made it, and what it was about."""

    id: AuditId
    happened_at: datetime
    who: str
    what: str
    about: Annotated[Document, Field(validation_alias="details")]


class AuditEntries(Listing):
    """A page of changes, newest first."""

    entries: list[AuditEntry]
