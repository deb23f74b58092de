"""SPEC 2 and 3 in plain Python: objects, loops and lists, no SQL, no store. What the machine holds the store to.

Written from the contract, as simply as it can be; slow is fine here. A verb that the contract refuses raises
Refused before it changes anything. What a tick does is `plain_tick`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from tests.property.plain_spread import spread
from tests.property.plain_words import (
    FIRMNESS,
    OPEN,
    STATUS_OF,
    Contact,
    Enrollment,
    Message,
    Pair,
    Refused,
    Sender,
    Sequence,
    Step,
    Suppression,
    minute,
    skip_of,
)


@dataclass
class Model:
    default_sender: Sender
    contacts: list[Contact] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    lists: dict[UUID, list[Contact]] = field(default_factory=dict)
    ledger: dict[tuple[UUID, Contact], Pair] = field(default_factory=dict)
    landed: list[tuple[UUID, Sequence, Contact]] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)

    # people

    def living(self, address: str) -> Contact | None:
        return next((each for each in self.contacts if each.address == address), None)

    def against(self, address: str | None) -> list[str]:
        """Reasons that this address is not mailed for."""
        return [each.reason for each in self.suppressions if each.address == address and not each.over]

    def expire(self, now: datetime) -> None:
        self._lapse(
            [each for each in self.suppressions if not each.over and each.until and each.until <= now]
        )

    def _lapse(self, lapsing: list[Suppression]) -> None:
        for each in lapsing:
            each.over = True
        for each in lapsing:
            contact = self.living(each.address)
            if contact and contact.status == STATUS_OF.get(each.reason):
                contact.status = self._status_at(each.address)

    def _status_at(self, address: str) -> str:
        given = [STATUS_OF[reason] for reason in self.against(address) if reason in STATUS_OF]
        return max(given, key=FIRMNESS.__getitem__, default="active")

    def suppress(self, address: str, reason: str, now: datetime, until: datetime | None) -> None:
        if self.known_as_long(address, reason, until):
            raise Refused
        self.suppressions.append(Suppression(address, reason, until))
        self._tell(address, reason, now)

    def known_as_long(self, address: str, reason: str, until: datetime | None) -> bool:
        return any(
            each.address == address and each.reason == reason and not each.over
            and (each.until is None or (until is not None and each.until >= until))
            for each in self.suppressions
        )  # fmt: skip

    def unsubscribe(self, contact: Contact, now: datetime) -> None:
        assert contact.address
        if not self.known_as_long(contact.address, "unsubscribe", None):
            self.suppressions.append(Suppression(contact.address, "unsubscribe", None))
        self._tell(contact.address, "unsubscribe", now)

    def _tell(self, address: str, reason: str, now: datetime) -> None:
        contact = self.living(address)
        if contact:
            status = STATUS_OF.get(reason)
            if status and FIRMNESS[status] > FIRMNESS[contact.status]:
                contact.status = status
            self._exit_contact(contact, status or "suppressed", now)

    def lift(self, address: str, *, force: bool) -> None:
        found = [each for each in self.suppressions if each.address == address and not each.over]
        if not found:
            raise Refused
        if not force and any(each.reason in ("unsubscribe", "complaint") for each in found):
            raise Refused
        self._lapse(found)

    def change_address(self, contact: Contact, address: str, now: datetime) -> None:
        other = self.living(address)
        if other and other is not contact:
            raise Refused
        if contact.address == address:
            return
        self.expire(now)
        contact.address = address
        there = self._status_at(address)
        if contact.status == "bounced" or FIRMNESS[there] > FIRMNESS[contact.status]:
            contact.status = there
        if contact.status != "active" or self.against(address):
            self._exit_contact(contact, "suppressed" if contact.status == "active" else contact.status, now)

    def delete_contact(self, contact: Contact, now: datetime) -> None:
        assert contact.address
        self._exit_contact(contact, "contact_deleted", now)
        contact.buried = (contact.address, now)
        contact.address = None
        for members in self.lists.values():
            if contact in members:
                members.remove(contact)

    def bring_in(self, addresses: list[str], fresh: dict[str, UUID]) -> list[Contact]:
        """An import; `fresh` are the ids that the store gave to people never seen."""
        for address in addresses:
            if self.living(address):
                continue
            graves = [each for each in self.contacts if each.buried and each.buried[0] == address]
            if graves:
                risen = max(graves, key=lambda each: (each.buried[1] if each.buried else 0, each.id))
                risen.address, risen.buried = address, None
                there = self._status_at(address)
                if risen.status == "bounced" or FIRMNESS[there] > FIRMNESS[risen.status]:
                    risen.status = there
            else:
                self.contacts.append(Contact(fresh[address], address))
        return [contact for address in addresses if (contact := self.living(address))]

    # lists

    def join(self, list_id: UUID, contacts: list[Contact], now: datetime) -> None:
        new = [each for each in dict.fromkeys(contacts) if each.address and each not in self.lists[list_id]]
        for each in new:
            self.ledger.setdefault((list_id, each), Pair())
            self.lists[list_id].append(each)
        for sequence in self._triggered(list_id):
            self.enroll(sequence, [(each, self.ledger[list_id, each].left_at) for each in new], now)

    def leave(self, list_id: UUID, contacts: list[Contact], now: datetime) -> None:
        for each in [each for each in contacts if each in self.lists[list_id]]:
            self.lists[list_id].remove(each)
            self.ledger[list_id, each].left_at = now

    def rewrite(self, list_id: UUID, contacts: list[Contact], now: datetime) -> None:
        """The list as a whole: who is on it for the first time ever waits for the next tick."""
        given = [each for each in contacts if each.address]
        new = [each for each in given if each not in self.lists[list_id]]
        for sequence in self._triggered(list_id):
            for each in new:
                comes_back = sequence.reenroll and self._times_in(sequence, each)
                if (list_id, each) not in self.ledger or comes_back:
                    self.landed.append((list_id, sequence, each))
        for each in new:
            self.ledger.setdefault((list_id, each), Pair())
            self.lists[list_id].append(each)
        self.leave(list_id, [each for each in self.lists[list_id] if each not in given], now)

    def fire(self, now: datetime) -> None:
        firing = [each for each in self.landed if each[1].status != "paused"]
        self.landed = [each for each in self.landed if each[1].status == "paused"]
        for list_id, sequence, contact in firing:
            if sequence in self._triggered(list_id) and contact in self.lists[list_id]:
                self.enroll(sequence, [(contact, self.ledger[list_id, contact].left_at)], now)

    def _triggered(self, list_id: UUID) -> list[Sequence]:
        return [each for each in self.sequences if each.trigger == list_id and each.status == "active"]

    # enrollments

    def enroll(
        self, sequence: Sequence, people: list[tuple[Contact, datetime | None]], now: datetime
    ) -> None:
        """Each with the moment they last left what triggers; calls say the end of time."""
        self.expire(now)
        for contact, left_at in people:
            been = self._times_in(sequence, contact)
            comes_back = (
                sequence.reenroll and not any(each.status in OPEN for each in been)
                and left_at is not None and left_at >= max((each.at for each in been), default=now)
            )  # fmt: skip
            if been and not comes_back:
                continue
            if contact.address is None or contact.status != "active" or self.against(contact.address):
                continue
            first = sequence.live[0]
            due = minute(now) + timedelta(minutes=first.delay)
            self.enrollments.append(Enrollment(sequence, contact, now, step=first, due=due))

    def call_enroll(
        self, sequence: Sequence, people: Iterable[Contact], forever: datetime, now: datetime
    ) -> None:
        if sequence.status != "active":
            raise Refused
        self.enroll(sequence, [(each, forever) for each in people], now)

    def _times_in(self, sequence: Sequence, contact: Contact) -> list[Enrollment]:
        return [each for each in self.enrollments if each.sequence is sequence and each.contact is contact]

    def _exit_contact(self, contact: Contact, reason: str, now: datetime) -> None:
        for each in self.enrollments:
            if each.contact is contact:
                self.exit(each, reason, now)

    def exit(self, enrollment: Enrollment, reason: str, now: datetime) -> None:
        if enrollment.status not in OPEN:
            return
        message, skip = enrollment.message, skip_of(reason)
        if message and message.state == "waiting":
            message.state, message.reason = "skipped", skip
        elif not message and enrollment.status == "active" and enrollment.due and enrollment.due <= now:
            assert enrollment.step
            enrollment.messages[enrollment.step] = Message(
                enrollment.step, enrollment.due, enrollment.contact.address or "", "skipped", skip
            )
        enrollment.status, enrollment.reason, enrollment.due = "exited", reason, None

    def _next(self, enrollment: Enrollment) -> Step | None:
        steps = enrollment.sequence.steps
        after = steps.index(enrollment.last) + 1 if enrollment.last else 0
        return next(
            (each for each in steps[after:] if not each.deleted and each not in enrollment.messages), None
        )

    def pass_on(self, enrollment: Enrollment, step: Step, at: datetime) -> None:
        if enrollment.status not in OPEN:
            return
        enrollment.last, enrollment.sent_at, enrollment.bump = step, minute(at), None
        enrollment.step = self._next(enrollment)
        enrollment.due = minute(at) + timedelta(minutes=enrollment.step.delay) if enrollment.step else None
        self._complete(enrollment)

    def _complete(self, enrollment: Enrollment) -> None:
        if enrollment.step is None and enrollment.status == "active":
            enrollment.status = "completed"

    def _realign(self, enrollment: Enrollment, now: datetime) -> None:
        if enrollment.status not in OPEN or enrollment.message:
            return
        waited, enrollment.step = enrollment.step, self._next(enrollment)
        if enrollment.step is waited:
            return
        if enrollment.step is None:
            enrollment.due = None
        elif enrollment.due is None or waited is None or waited.deleted:
            since = enrollment.sent_at or minute(enrollment.at)
            enrollment.due = max(minute(now), since + timedelta(minutes=enrollment.step.delay))
        self._complete(enrollment)

    def leave_deleted(self, enrollment: Enrollment, message: Message, now: datetime) -> None:
        """A message of a deleted step was not posted: skipped, and its person goes on from the step before."""
        message.state, message.reason = "skipped", "step_deleted"
        if enrollment.status in OPEN:
            waited, enrollment.due = enrollment.step, None
            enrollment.step = self._next(enrollment)
            assert enrollment.step is not waited
            if enrollment.step:
                since = enrollment.sent_at or minute(enrollment.at)
                enrollment.due = max(minute(now), since + timedelta(minutes=enrollment.step.delay))
            self._complete(enrollment)

    # sequences and steps

    def activate(self, sequence: Sequence, now: datetime) -> None:
        if sequence.status != "draft":
            raise Refused
        if not sequence.live or not all(self.sender_of(sequence, step).usable for step in sequence.live):
            raise Refused
        sequence.status = "active"
        if sequence.existing and sequence.trigger:
            self.enroll(sequence, [(each, None) for each in self.lists[sequence.trigger]], now)

    def pause(self, sequence: Sequence, now: datetime) -> None:
        if sequence.status != "active":
            raise Refused
        sequence.status, sequence.paused_at = "paused", now
        for each in self.of(sequence, "active"):
            each.status = "paused"

    def resume(self, sequence: Sequence, now: datetime) -> None:
        if sequence.status != "paused":
            raise Refused
        sequence.status = "active"
        people = self.of(sequence, "paused")
        overdue = [
            (each, self._stood_still(sequence, each, now)) for each in people if each.due and each.due <= now
        ]
        spread(overdue, sequence.window, now)
        for each in people:
            each.status = "active"
            self._complete(each)
        for step in sequence.live:
            step.open_at, step.walled = now, False

    def _stood_still(self, sequence: Sequence, each: Enrollment, now: datetime) -> datetime:
        """Since when nothing of a spread went on: the pause, or a hold of the step before it."""
        paused = sequence.paused_at or now
        held = each.step and each.step.walled and each.step.open_at
        return min(paused, held) if held else paused

    def archive(self, sequence: Sequence, now: datetime) -> None:
        if sequence.status == "archived":
            raise Refused
        sequence.status = "archived"
        for each in self.enrollments:
            if each.sequence is sequence:
                self.exit(each, "archived", now)

    def delete_sequence(self, sequence: Sequence) -> None:
        if sequence.status not in ("draft", "archived"):
            raise Refused
        sequence.deleted = True

    def retrigger(self, sequence: Sequence, trigger: UUID | None) -> None:
        if trigger != sequence.trigger and sequence.status not in ("draft", "paused"):
            raise Refused
        sequence.trigger = trigger

    def add_step(self, sequence: Sequence, step: Step, number: int, now: datetime) -> None:
        if sequence.status == "archived":
            raise Refused
        live = sequence.live
        place = sequence.steps.index(live[number - 1]) if number <= len(live) else len(sequence.steps)
        sequence.steps.insert(place, step)
        self._realign_all(sequence, now)

    def change_step(
        self, sequence: Sequence, step: Step, *, delay: int, sender: Sender | None, words: str
    ) -> None:
        if sequence.status == "archived":
            raise Refused
        step.held = step.held and words == step.words
        step.delay, step.sender, step.words = delay, sender, words

    def delete_step(self, sequence: Sequence, step: Step, now: datetime) -> None:
        if sequence.status == "archived" or (sequence.status != "draft" and sequence.live == [step]):
            raise Refused
        step.deleted = True
        for each in self.enrollments:
            message = each.messages.get(step)
            if message and message.state == "waiting":
                self.leave_deleted(each, message, now)
        self._realign_all(sequence, now)

    def reorder(self, sequence: Sequence, order: list[Step], now: datetime) -> None:
        if sequence.status == "archived":
            raise Refused
        places = iter(order)
        sequence.steps = [step if step.deleted else next(places) for step in sequence.steps]
        self._realign_all(sequence, now)

    def _realign_all(self, sequence: Sequence, now: datetime) -> None:
        for each in self.enrollments:
            if each.sequence is sequence:
                self._realign(each, now)

    def of(self, sequence: Sequence, status: str) -> list[Enrollment]:
        return [each for each in self.enrollments if each.sequence is sequence and each.status == status]

    def sender_of(self, sequence: Sequence, step: Step) -> Sender:
        return step.sender or sequence.sender or self.default_sender
