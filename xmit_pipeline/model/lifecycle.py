"""The states things are in and the moves between them (SPEC 2, 3, 6); no storage, no time."""

from enum import StrEnum

from xmit_pipeline.model.errors import Conflict


class SequenceStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class SequenceAction(StrEnum):
    ACTIVATE = "activate"
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"


_MOVES: dict[SequenceAction, tuple[frozenset[SequenceStatus], SequenceStatus]] = {
    SequenceAction.ACTIVATE: (frozenset({SequenceStatus.DRAFT}), SequenceStatus.ACTIVE),
    SequenceAction.PAUSE: (frozenset({SequenceStatus.ACTIVE}), SequenceStatus.PAUSED),
    SequenceAction.RESUME: (frozenset({SequenceStatus.PAUSED}), SequenceStatus.ACTIVE),
    SequenceAction.ARCHIVE: (
        frozenset({SequenceStatus.DRAFT, SequenceStatus.ACTIVE, SequenceStatus.PAUSED}),
        SequenceStatus.ARCHIVED,
    ),
}


def moved(status: SequenceStatus, action: SequenceAction) -> SequenceStatus:
    """The status after an action; Conflict where SPEC 2 has no such move."""
    allowed, target = _MOVES[action]
    if status not in allowed:
        names = " or ".join(sorted(allowed))
        raise Conflict(f"This sequence is {status}; {action} needs one that is {names}.")
    return target


TRIGGER_CHANGES_IN = frozenset({SequenceStatus.DRAFT, SequenceStatus.PAUSED})
"""Where trigger and list may change (SPEC 2)."""

DELETED_FROM = frozenset({SequenceStatus.DRAFT, SequenceStatus.ARCHIVED})
"""Where a sequence may be deleted (SPEC 2)."""


class TriggerType(StrEnum):
    LIST_ADD = "list_add"
    MANUAL = "manual"


class ContactStatus(StrEnum):
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class SuppressionReason(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


LIFTABLE = frozenset({SuppressionReason.MANUAL, SuppressionReason.BOUNCE})
"""What an operator may lift without `force`; the others are the person's own word (SPEC 3)."""


class EnrollmentStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    PAUSED = "paused"
    EXITED = "exited"


class MessageState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RequestState(StrEnum):
    """Only `claimed`, `inflight`, `accepted` and `unknown` hold places of a warmup day (SPEC 4)."""

    CLAIMED = "claimed"
    INFLIGHT = "inflight"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RELEASED = "released"
    UNKNOWN = "unknown"


class WarmupState(StrEnum):
    INACTIVE = "inactive"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
