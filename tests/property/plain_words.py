"""The words of SPEC 1 as plain Python objects: what the model moves about."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

NOT_YET = UUID(int=0)
"""The id of what the store has not named yet."""

OPEN = ("active", "paused")
STATUS_OF = {"unsubscribe": "unsubscribed", "bounce": "bounced", "complaint": "complained"}
FIRMNESS = {"active": 0, "bounced": 1, "unsubscribed": 2, "complained": 3}
SKIP_OF_EXIT = {"suppressed": "suppressed", "manual": "exited", "archived": "exited"}


class Refused(Exception):
    """The contract has no such move here."""


@dataclass(eq=False)
class Contact:
    id: UUID
    address: str | None
    status: str = "active"
    buried: tuple[str, datetime] | None = None


@dataclass
class Suppression:
    address: str
    reason: str
    until: datetime | None
    over: bool = False


@dataclass(eq=False)
class Sender:
    id: UUID
    usable: bool = True


@dataclass(eq=False)
class Step:
    id: UUID
    delay: int
    sender: Sender | None = None
    words: str = "Hi"
    held: bool = False
    deleted: bool = False
    open_at: datetime | None = None
    walled: bool = False


@dataclass(eq=False)
class Sequence:
    id: UUID
    trigger: UUID | None
    existing: bool
    reenroll: bool
    window: timedelta
    sender: Sender | None = None
    status: str = "draft"
    steps: list[Step] = field(default_factory=list)
    paused_at: datetime | None = None
    deleted: bool = False

    @property
    def live(self) -> list[Step]:
        return [step for step in self.steps if not step.deleted]


@dataclass(eq=False)
class Message:
    step: Step
    due: datetime
    address: str
    state: str
    reason: str | None = None
    sender: Sender | None = None


@dataclass(eq=False)
class Enrollment:
    sequence: Sequence
    contact: Contact
    at: datetime
    id: UUID = NOT_YET
    status: str = "active"
    reason: str | None = None
    step: Step | None = None
    due: datetime | None = None
    bump: datetime | None = None
    last: Step | None = None
    sent_at: datetime | None = None
    messages: dict[Step, Message] = field(default_factory=dict)

    @property
    def message(self) -> Message | None:
        """The one already written for the step that is waited for."""
        return self.messages.get(self.step) if self.step else None

    @property
    def effective(self) -> datetime:
        assert self.due
        return max(self.due, self.bump or self.due)


@dataclass(eq=False)
class Pair:
    """What a list remembers of a contact."""

    left_at: datetime | None = None


def skip_of(exit_reason: str | None) -> str:
    """The reason on a message that its person's exit skips."""
    return SKIP_OF_EXIT.get(exit_reason or "", "inactive")


def minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
