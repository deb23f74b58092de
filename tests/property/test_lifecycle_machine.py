"""SPEC 2 and 3 as a machine: whatever is done in whatever order, the store says what the plain model says."""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.property.both_worlds import BothWorlds
from tests.property.plain_words import OPEN, Contact, Sequence, Step
from xmit_pipeline.model.lifecycle import SuppressionReason

Thing = TypeVar("Thing")
ADDRESSES = [f"{name}@example.net" for name in ("anna", "ben", "cleo", "dora", "emil")]
DELAYS = [0, 1, 30, 60, 1440, 2880]
WINDOWS = [60, 7, 0]
SPANS = [
    timedelta(seconds=25),
    timedelta(minutes=1),
    timedelta(minutes=31),
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=3, seconds=7),
]
MEANWHILE = [
    "delete step", "put a step before it", "hold", "change sender", "exit", "suppress", "new address",
    "delete contact", "wait a day", "pause", "resume", "archive",
]  # fmt: skip
MANY = 4
"""Sequences, and steps of each: more find nothing new, and cost time."""


def some_sequence(machine: "Lifecycle") -> bool:
    return bool(machine.sequences)


class Lifecycle(RuleBasedStateMachine):
    """Each rule does one thing to both worlds; the invariants compare them after every rule."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="xmit-machine-")
        self.worlds = BothWorlds(Path(self.folder.name))
        self.model = self.worlds.model

    @initialize(
        delays=st.tuples(*[st.sampled_from(DELAYS)] * 3),
        reenroll=st.booleans(),
        window=st.sampled_from(WINDOWS),
    )
    def a_running_sequence(self, delays: tuple[int, ...], *, reenroll: bool, window: int) -> None:
        trigger = next(iter(self.model.lists))
        sequence = self.worlds.create_sequence(
            trigger, delays, existing=False, reenroll=reenroll, window=window
        )
        self.worlds.move(sequence, "activate")
        self.worlds.bring_in(ADDRESSES[:3], trigger)

    @property
    def sequences(self) -> list[Sequence]:
        return [each for each in self.model.sequences if not each.deleted]

    def pick(self, data: st.DataObject, things: list[Thing], label: str) -> Thing:
        """By number: a failing example then shows a number, and not all that hangs on a thing."""
        return things[data.draw(st.integers(0, len(things) - 1), label=label)]

    def draw_sequence(self, data: st.DataObject) -> Sequence:
        return self.pick(data, self.sequences, "sequence")

    def draw_people(self, data: st.DataObject) -> list[Contact]:
        numbers = st.lists(st.integers(0, len(self.model.contacts) - 1), min_size=1, max_size=4, unique=True)
        return [self.model.contacts[number] for number in data.draw(numbers, label="people")]

    # sequences and steps

    @precondition(lambda self: len(self.model.sequences) < MANY)
    @rule(
        data=st.data(),
        delays=st.lists(st.sampled_from(DELAYS), max_size=3),
        existing=st.booleans(),
        reenroll=st.booleans(),
        window=st.sampled_from(WINDOWS),
    )
    def create_sequence(
        self, data: st.DataObject, delays: list[int], *, existing: bool, reenroll: bool, window: int
    ) -> None:
        trigger = self.pick(data, [*self.model.lists, None], "trigger")
        sequence = self.worlds.create_sequence(
            trigger, delays, existing=existing, reenroll=reenroll, window=window
        )
        self.worlds.move(sequence, "activate")

    @precondition(some_sequence)
    @rule(data=st.data(), verb=st.sampled_from(["activate", "pause", "resume", "archive", "delete"]))
    def move_sequence(self, data: st.DataObject, verb: str) -> None:
        sequence = self.draw_sequence(data)
        if verb == "delete":
            self.worlds.delete_sequence(sequence)
        else:
            self.worlds.move(sequence, verb)

    @precondition(lambda self: any(each.status in OPEN for each in self.sequences))
    @rule(data=st.data(), span=st.sampled_from(SPANS))
    def pause_for_a_while(self, data: st.DataObject, span: timedelta) -> None:
        started = [each for each in self.sequences if each.status in OPEN]
        sequence = self.pick(data, started, "sequence")
        if sequence.status == "active":
            self.worlds.move(sequence, "pause")
        self.worlds.now += span
        self.worlds.move(sequence, "resume")

    @precondition(some_sequence)
    @rule(data=st.data(), reenroll=st.booleans(), retrigger=st.booleans())
    def change_sequence(self, data: st.DataObject, *, reenroll: bool, retrigger: bool) -> None:
        sequence = self.draw_sequence(data)
        if retrigger:
            trigger = self.pick(data, [*self.model.lists, None], "trigger")
            self.worlds.change_trigger(sequence, trigger)
        else:
            sender = self.pick(data, [None, *self.worlds.senders], "sender")
            self.worlds.change_sequence(sequence, sender, reenroll=reenroll)

    @precondition(some_sequence)
    @rule(data=st.data(), delay=st.sampled_from(DELAYS))
    def add_step(self, data: st.DataObject, delay: int) -> None:
        sequence = self.draw_sequence(data)
        if len(sequence.live) < MANY:
            number = data.draw(st.integers(1, len(sequence.live) + 1), label="number")
            self.worlds.add_step(sequence, delay, number)

    @precondition(lambda self: any(each.live for each in self.sequences))
    @rule(data=st.data(), verb=st.sampled_from(["delete", "change", "hold"]))
    def change_step(self, data: st.DataObject, verb: str) -> None:
        there = [(sequence, step) for sequence in self.sequences for step in sequence.live]
        sequence, step = self.pick(data, there, "step")
        if verb == "delete":
            self.worlds.delete_step(sequence, step)
        elif verb == "hold":
            self.worlds.hold_or_release(sequence, step)
        else:
            self._change_step(data, sequence, step)

    def _change_step(self, data: st.DataObject, sequence: Sequence, step: Step) -> None:
        self.worlds.change_step(
            sequence,
            step,
            delay=data.draw(st.sampled_from(DELAYS), label="delay"),
            sender=self.pick(data, [None, *self.worlds.senders], "sender"),
            words=data.draw(st.sampled_from(["Hi", "Hello"]), label="subject"),
        )

    @precondition(lambda self: any(len(each.live) > 1 for each in self.sequences))
    @rule(data=st.data())
    def reorder_steps(self, data: st.DataObject) -> None:
        several = [each for each in self.sequences if len(each.live) > 1]
        sequence = self.pick(data, several, "sequence")
        order = data.draw(st.permutations(range(len(sequence.live))), label="order")
        self.worlds.reorder_steps(sequence, [sequence.live[number] for number in order])

    @rule(data=st.data())
    def verify_or_unverify_sender(self, data: st.DataObject) -> None:
        self.worlds.verify_or_not(self.pick(data, self.worlds.senders, "sender"))

    # who gets in, and out

    @precondition(some_sequence)
    @rule(data=st.data())
    def enroll(self, data: st.DataObject) -> None:
        self.worlds.enroll(self.draw_sequence(data), self.draw_people(data))

    @rule(data=st.data(), verb=st.sampled_from(["join", "leave", "rewrite"]))
    def change_list(self, data: st.DataObject, verb: str) -> None:
        list_id = self.pick(data, list(self.model.lists), "list")
        getattr(self.worlds, verb)(list_id, self.draw_people(data))

    @rule(data=st.data(), addresses=st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4, unique=True))
    def import_people(self, data: st.DataObject, addresses: list[str]) -> None:
        list_id = self.pick(data, [*self.model.lists, None], "list")
        self.worlds.bring_in(addresses, list_id)

    @precondition(lambda self: any(each.status in OPEN for each in self.model.enrollments))
    @rule(data=st.data())
    def exit_one(self, data: st.DataObject) -> None:
        there = [each for each in self.model.enrollments if each.status in OPEN]
        self.worlds.exit(self.pick(data, there, "enrollment"))

    @rule(
        address=st.sampled_from(ADDRESSES),
        reason=st.sampled_from(list(SuppressionReason)),
        days=st.sampled_from([1, None]),
    )
    def suppress(self, address: str, reason: SuppressionReason, days: int | None) -> None:
        until = self.worlds.now + timedelta(days=days) if days else None
        self.worlds.suppress(address, reason, until)

    @rule(address=st.sampled_from(ADDRESSES), force=st.booleans())
    def lift(self, address: str, *, force: bool) -> None:
        self.worlds.lift(address, force=force)

    @precondition(lambda self: any(each.address for each in self.model.contacts))
    @rule(data=st.data(), verb=st.sampled_from(["move", "unsubscribe", "delete"]))
    def change_contact(self, data: st.DataObject, verb: str) -> None:
        living = [each for each in self.model.contacts if each.address]
        contact = self.pick(data, living, "contact")
        if verb == "move":
            self.worlds.change_address(contact, data.draw(st.sampled_from(ADDRESSES), label="address"))
        elif verb == "unsubscribe":
            self.worlds.unsubscribe(contact)
        else:
            self.worlds.delete_contact(contact)

    # time and ticks

    @rule(span=st.sampled_from(SPANS))
    def wait(self, span: timedelta) -> None:
        self.worlds.now += span

    @rule(span=st.sampled_from([timedelta(0), *SPANS]))
    def tick_later(self, span: timedelta) -> None:
        self.worlds.now += span
        self.worlds.tick()

    @rule(times=st.integers(1, 3))
    def tick_when_due(self, times: int) -> None:
        for _ in range(times):
            self.wait_for_the_next_due()
            self.worlds.tick()

    @precondition(lambda self: any(each.status in OPEN and each.step for each in self.model.enrollments))
    @rule(data=st.data(), phases=st.integers(1, 2), what=st.sampled_from(MEANWHILE), dies=st.booleans())
    def change_during_a_tick(self, data: st.DataObject, phases: int, what: str, *, dies: bool) -> None:
        """Between claim and last look, or between that and the post; the tick may not live to post."""
        self.wait_for_the_next_due()
        for _ in range(phases if self.worlds.phase == "idle" else 0):
            self.worlds.next_phase()
        self._meanwhile(data, what)
        if dies:
            self.worlds.tick()
        while self.worlds.phase != "idle":
            self.worlds.next_phase()

    def _meanwhile(self, data: st.DataObject, what: str) -> None:
        there = [each for each in self.model.enrollments if each.status in OPEN and each.step]
        someone = self.pick(data, there, "someone")
        sequence, step, contact = someone.sequence, someone.step, someone.contact
        assert step
        assert contact.address
        match what:
            case "delete step":
                self.worlds.delete_step(sequence, step)
            case "put a step before it":
                self.worlds.add_step(
                    sequence, 30, 1 + sequence.live.index(step) if step in sequence.live else 1
                )
            case "hold":
                self.worlds.hold_or_release(sequence, step)
            case "change sender":
                self.worlds.change_sequence(sequence, self.worlds.senders[1], reenroll=sequence.reenroll)
            case "exit":
                self.worlds.exit(someone)
            case "suppress":
                self.worlds.suppress(contact.address, SuppressionReason.MANUAL, None)
            case "new address":
                self.worlds.change_address(contact, data.draw(st.sampled_from(ADDRESSES), label="address"))
            case "delete contact":
                self.worlds.delete_contact(contact)
            case "wait a day":
                self.worlds.now += timedelta(days=1)
            case verb:
                self.worlds.move(sequence, verb)

    def wait_for_the_next_due(self) -> None:
        due = [each.effective for each in self.model.enrollments if each.status == "active" and each.due]
        self.worlds.now = max(self.worlds.now, min(due, default=self.worlds.now))

    # both worlds are the same

    @invariant()
    def enrollments_and_messages_are_equal(self) -> None:
        self.worlds.compare()

    def teardown(self) -> None:
        breaches = self.worlds.real.breaches()
        self.worlds.real.store.close()
        self.folder.cleanup()
        assert breaches == {}


TestLifecycle: Any = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=settings.default.max_examples * 3 // 5,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
