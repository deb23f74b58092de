"""What a tick does, in plain Python: its start, and its phases, between which everything else may happen."""

from dataclasses import dataclass, field
from datetime import datetime

from tests.property.plain_model import Model
from tests.property.plain_spread import spread
from tests.property.plain_words import OPEN, Enrollment, Message, Sequence, Step, skip_of


@dataclass
class PlainTick:
    """`flying` are the messages of the claim that is under way, `claimed_at` its moment."""

    model: Model
    flying: list[tuple[Enrollment, Message]] = field(default_factory=list)
    claimed_at: datetime | None = None

    def begin(self, now: datetime) -> None:
        self.model.expire(now)
        self.model.fire(now)
        for sequence in self.model.sequences:
            if sequence.status == "active":
                self._spread_overdue(sequence, now)

    def _spread_overdue(self, sequence: Sequence, now: datetime) -> None:
        """Held: its step could not go since a tick last could. Late: no tick ran for longer than the window."""
        held: list[tuple[Enrollment, datetime]] = []
        late: list[tuple[Enrollment, datetime]] = []
        for step in sequence.live:
            if self._walled(sequence, step):
                step.walled = True
                continue
            missed = self._missed(sequence, step, now)
            if step.walled:
                held += missed
            elif not step.open_at or now - step.open_at > sequence.window:
                late += missed
            step.open_at, step.walled = now, False
        only_late = not held
        if min((each.effective for each, _ in held + late), default=now) < now - sequence.window:
            held += late
        spread(held, sequence.window, now, only_late=only_late)

    def _missed(self, sequence: Sequence, step: Step, now: datetime) -> list[tuple[Enrollment, datetime]]:
        return [
            (each, step.open_at or now)
            for each in self.model.of(sequence, "active")
            if each.step is step and each.due and each.due <= now
            if not step.open_at or each.effective > step.open_at
        ]

    def claim(self, now: datetime) -> None:
        for each in self.model.enrollments:
            due = each.status == "active" and each.due and each.effective <= now
            if due and each.step and not self._walled(each.sequence, each.step):
                self._claim(each, each.step)
        self.claimed_at = now

    def _claim(self, each: Enrollment, step: Step) -> None:
        assert each.due
        address = each.contact.address or ""
        message = each.messages.setdefault(step, Message(step, each.due, address, "claimed"))
        message.state, message.address = "claimed", address
        message.sender = self.model.sender_of(each.sequence, step)
        each.due = None
        self.flying.append((each, message))

    def look(self, now: datetime) -> None:
        assert self.claimed_at
        new_day = now.date() != self.claimed_at.date()
        stay = []
        for each, message in self.flying:
            may_go = each.status == "active" and not message.step.deleted and not new_day
            moved = each.contact.address != message.address and self.model.against(message.address)
            same_sender = self.model.sender_of(each.sequence, message.step) is message.sender
            if may_go and same_sender and not moved and not self._walled(each.sequence, message.step):
                stay.append((each, message))
            else:
                self._let_go(each, message, now)
        self.flying = stay

    def post(self, now: datetime) -> None:
        for each, message in self.flying:
            message.state = "sent"
            self.model.pass_on(each, message.step, now)
        self.flying = []

    def die(self, now: datetime) -> None:
        """The tick that held them died before it posted: nothing of it went out."""
        for each, message in self.flying:
            self._let_go(each, message, now)
        self.flying = []

    def _let_go(self, each: Enrollment, message: Message, now: datetime) -> None:
        """Not sent: skipped where it never will be, waiting where it may."""
        if each.status not in OPEN:
            message.state, message.reason = "skipped", skip_of(each.reason)
        elif message.step.deleted:
            self.model.leave_deleted(each, message, now)
        else:
            message.state, each.due = "waiting", message.due

    def _walled(self, sequence: Sequence, step: Step) -> bool:
        return sequence.status != "active" or step.held or not self.model.sender_of(sequence, step).usable
