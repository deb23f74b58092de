"""Every verb of the lifecycle, done to the real store and to the plain model at once, and their comparison."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from tests.campaigns import START, enroll_into
from tests.property import plain_words as plain
from tests.property.lifecycle_store import ENROLLMENTS, MESSAGES, RealStore, staged
from tests.property.plain_model import Model
from tests.property.plain_tick import PlainTick
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.lifecycle import SuppressionReason, TriggerType
from xmit_pipeline.store import (
    contact_changes,
    contact_rows,
    enrollments,
    ledger,
    lists,
    sequences,
    steps,
    suppressions,
)
from xmit_pipeline.store.connection import Connection

FOREVER = datetime.max.replace(tzinfo=START.tzinfo)


class BothWorlds:
    """What the contract refuses, both must refuse. `now` is the time of both."""

    def __init__(self, home: Path) -> None:
        self.real = RealStore(home)
        self.now = START
        self.senders = [plain.Sender(sender_id) for sender_id in self.real.senders]
        self.model = Model(default_sender=self.senders[0])
        self.modelled_tick = PlainTick(self.model)
        self.phase = "idle"
        for name in ("News", "Leads"):
            with self.real.store.transaction() as connection:
                self.model.lists[lists.create_list(connection, name, self.now)] = []

    def _both(self, modelled: Callable[[], object], real: Callable[[Connection], object]) -> None:
        self.model.expire(self.now)
        try:
            modelled()
        except plain.Refused:
            with pytest.raises((Conflict, NotFound, BadInput)), self.real.store.transaction() as connection:
                real(connection)
        else:
            with self.real.store.transaction() as connection:
                real(connection)
            self._name_enrollments()

    # sequences

    def create_sequence(
        self, trigger: UUID | None, delays: Iterable[int], *, existing: bool, reenroll: bool, window: int
    ) -> plain.Sequence:
        with self.real.store.transaction() as connection:
            sequence_id = sequences.create_sequence(
                connection,
                self.now,
                name=f"sequence {len(self.model.sequences)}",
                trigger_type=TriggerType.LIST_ADD if trigger else TriggerType.MANUAL,
                trigger_list_id=trigger,
                enroll_existing=existing,
                reenroll=reenroll,
                resume_window_minutes=window,
            )
        sequence = plain.Sequence(sequence_id, trigger, existing, reenroll, timedelta(minutes=window))
        self.model.sequences.append(sequence)
        for delay in delays:
            self.add_step(sequence, delay, len(sequence.live) + 1)
        return sequence

    def move(self, sequence: plain.Sequence, verb: str) -> None:
        modelled, real = getattr(self.model, verb), getattr(sequences, verb)
        self._both(
            lambda: modelled(sequence, self.now), lambda connection: real(connection, sequence.id, self.now)
        )

    def delete_sequence(self, sequence: plain.Sequence) -> None:
        self._both(
            lambda: self.model.delete_sequence(sequence),
            lambda connection: sequences.delete_sequence(connection, sequence.id, self.now),
        )

    def change_sequence(
        self, sequence: plain.Sequence, sender: plain.Sender | None, *, reenroll: bool
    ) -> None:
        sequence.reenroll, sequence.sender = reenroll, sender
        changes: sequences.SequenceChanges = {
            "reenroll": reenroll,
            "sender_id": sender.id if sender else None,
        }
        with self.real.store.transaction() as connection:
            sequences.update_sequence(connection, sequence.id, self.now, changes)

    def change_trigger(self, sequence: plain.Sequence, trigger: UUID | None) -> None:
        kind = TriggerType.LIST_ADD if trigger else TriggerType.MANUAL
        changes: sequences.SequenceChanges = {"trigger_type": kind, "trigger_list_id": trigger}
        self._both(
            lambda: self.model.retrigger(sequence, trigger),
            lambda connection: sequences.update_sequence(connection, sequence.id, self.now, changes),
        )

    # steps and senders

    def add_step(self, sequence: plain.Sequence, delay: int, number: int) -> None:
        step = plain.Step(plain.NOT_YET, delay)
        at_end = number > len(sequence.live)

        def real(connection: Connection) -> None:
            step.id = steps.add_step(
                connection,
                sequence.id,
                self.now,
                name="step",
                subject="Hi",
                body_html="<p>Hi</p>",
                delay_amount=delay,
                delay_unit=DelayUnit.MINUTES,
                position=None if at_end else number,
            )

        self._both(lambda: self.model.add_step(sequence, step, number, self.now), real)

    def change_step(
        self,
        sequence: plain.Sequence,
        step: plain.Step,
        *,
        delay: int,
        sender: plain.Sender | None,
        words: str,
    ) -> None:
        changes: steps.StepChanges = {
            "delay_amount": delay,
            "delay_unit": DelayUnit.MINUTES,
            "sender_id": sender.id if sender else None,
            "subject": words,
        }
        self._both(
            lambda: self.model.change_step(sequence, step, delay=delay, sender=sender, words=words),
            lambda connection: steps.update_step(connection, sequence.id, step.id, self.now, changes),
        )

    def delete_step(self, sequence: plain.Sequence, step: plain.Step) -> None:
        self._both(
            lambda: self.model.delete_step(sequence, step, self.now),
            lambda connection: steps.delete_step(connection, sequence.id, step.id, self.now),
        )

    def reorder_steps(self, sequence: plain.Sequence, order: list[plain.Step]) -> None:
        ids = [step.id for step in order]
        self._both(
            lambda: self.model.reorder(sequence, order, self.now),
            lambda connection: steps.reorder_steps(connection, sequence.id, ids, self.now),
        )

    def hold_or_release(self, sequence: plain.Sequence, step: plain.Step) -> None:
        step.held = not step.held
        hold = "UPDATE step SET held_at = $now, hold_reason = 'test' WHERE id = $id"
        with self.real.store.transaction() as connection:
            if step.held:
                connection.execute(hold, {"id": step.id, "now": self.now})
            else:
                steps.release_step(connection, sequence.id, step.id, skip_failing=False)

    def verify_or_not(self, sender: plain.Sender) -> None:
        sender.usable = not sender.usable
        with self.real.store.transaction() as connection:
            connection.execute(
                "UPDATE sender SET verified = $usable WHERE id = $id",
                {"id": sender.id, "usable": sender.usable},
            )

    # who gets in

    def enroll(self, sequence: plain.Sequence, people: Sequence[plain.Contact]) -> None:
        ids = [each.id for each in people]
        self._both(
            lambda: self.model.call_enroll(sequence, people, FOREVER, self.now),
            lambda connection: enroll_into(connection, sequence.id, [*ids], self.now),
        )

    def join(self, list_id: UUID, people: list[plain.Contact]) -> None:
        ids = [each.id for each in people]
        self._both(
            lambda: self.model.join(list_id, people, self.now),
            lambda connection: lists.add_contacts(connection, list_id, [*ids], self.now),
        )

    def leave(self, list_id: UUID, people: list[plain.Contact]) -> None:
        ids = [each.id for each in people]
        self._both(
            lambda: self.model.leave(list_id, people, self.now),
            lambda connection: lists.remove_contacts(connection, list_id, [*ids], self.now),
        )

    def rewrite(self, list_id: UUID, people: list[plain.Contact]) -> None:
        named = {each.id for each in people}
        gone = [str(each.id) for each in self.model.lists[list_id] if each.id not in named]
        leaving = pl.DataFrame({"contact_id": gone}, schema={"contact_id": pl.String})
        joining = "CREATE OR REPLACE TEMP TABLE joining AS SELECT unnest($ids::UUID[]) AS contact_id"

        def real(connection: Connection) -> None:
            connection.execute(joining, {"ids": list(named)})
            ledger.land_on_list(connection, list_id, self.now)
            ledger.leave_list(connection, list_id, leaving, self.now)

        self._both(lambda: self.model.rewrite(list_id, people, self.now), real)

    def bring_in(self, addresses: list[str], list_id: UUID | None) -> None:
        self.model.expire(self.now)
        with self.real.store.transaction() as connection:
            contact_rows.take_in(connection, staged(addresses), list_id, self.now)
            known = connection.execute("SELECT email, id FROM contact WHERE email IS NOT NULL").fetchall()
        people = self.model.bring_in(addresses, dict(known))
        if list_id:
            self.model.join(list_id, people, self.now)
        self._name_enrollments()

    # who gets out

    def exit(self, enrollment: plain.Enrollment) -> None:
        sequence_id = enrollment.sequence.id
        self._both(
            lambda: self.model.exit(enrollment, "manual", self.now),
            lambda connection: enrollments.exit_one(connection, sequence_id, enrollment.id, self.now),
        )

    def suppress(self, address: str, reason: SuppressionReason, until: datetime | None) -> None:
        self._both(
            lambda: self.model.suppress(address, reason, self.now, until),
            lambda connection: suppressions.suppress(
                connection, address, reason, self.now, source="test", expires_at=until
            ),
        )

    def lift(self, address: str, *, force: bool) -> None:
        self._both(
            lambda: self.model.lift(address, force=force),
            lambda connection: suppressions.lift_address(
                connection, address, self.now, who="test", force=force
            ),
        )

    def unsubscribe(self, contact: plain.Contact) -> None:
        self._both(
            lambda: self.model.unsubscribe(contact, self.now),
            lambda connection: contact_changes.unsubscribe_contact(connection, contact.id, self.now, "test"),
        )

    def delete_contact(self, contact: plain.Contact) -> None:
        self._both(
            lambda: self.model.delete_contact(contact, self.now),
            lambda connection: contact_changes.delete_contact(connection, contact.id, self.now),
        )
        self.now += timedelta(seconds=1)  # of two who died with one address the later is known

    def change_address(self, contact: plain.Contact, address: str) -> None:
        changes: contact_changes.ContactChanges = {"email": address}
        self._both(
            lambda: self.model.change_address(contact, address, self.now),
            lambda connection: contact_changes.update_contact(connection, contact.id, self.now, changes),
        )

    # ticks, whole and in their phases

    def tick(self) -> None:
        """A whole tick; whatever an unfinished one held, that one died before it posted."""
        self._fire()
        self.real.tick(self.now)
        self.modelled_tick.begin(self.now)
        self.modelled_tick.die(self.now)
        self.modelled_tick.claim(self.now)
        self.modelled_tick.look(self.now)
        self.modelled_tick.post(self.now)
        self.phase = "idle"

    def next_phase(self) -> None:
        """Claim, then look once more, then post: between them everything else may happen."""
        if self.phase == "idle":
            self._fire()
            self.real.claim(self.now)
            self.modelled_tick.begin(self.now)
            self.modelled_tick.claim(self.now)
            self.phase = "claimed"
        elif self.phase == "claimed":
            self.real.look(self.now)
            self.modelled_tick.look(self.now)
            self.phase = "inflight"
        else:
            self.real.post(self.now)
            self.modelled_tick.post(self.now)
            self.phase = "idle"

    def _fire(self) -> None:
        """The first thing in a tick, done apart, so that who comes in has a name before the rest of it."""
        self.model.expire(self.now)
        self.model.fire(self.now)
        self.real.fire(self.now)
        self._name_enrollments()

    def _name_enrollments(self) -> None:
        """Ids that are the same in each run: by them those are ordered who are due at one moment."""
        named = {}
        for number, each in enumerate(self.model.enrollments, start=1):
            if each.id == plain.NOT_YET:
                each.id = UUID(int=number)
                named[each.sequence.id, each.contact.id] = each.id
        if named:
            self.real.name_enrollments(named)

    # comparing

    def compare(self) -> None:
        """All enrollments and all messages."""
        assert {row["id"]: _stored(row) for row in self.real.rows(ENROLLMENTS)} == {
            each.id: _modelled(each) for each in self.model.enrollments
        }
        assert {
            (row["enrollment_id"], row["step_id"]): (row["state"], row["reason"], row["email"])
            for row in self.real.rows(MESSAGES)
        } == {
            (each.id, step.id): (message.state, message.reason, message.address)
            for each in self.model.enrollments
            for step, message in each.messages.items()
        }


def _stored(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["status"], row["exit_reason"], row["step_id"], row["due_at"], row["not_before"])


def _modelled(each: plain.Enrollment) -> tuple[Any, ...]:
    is_open = each.status in plain.OPEN
    step = each.step.id if is_open and each.step else None
    return (each.status, each.reason, step, each.due, each.bump if is_open else None)
