"""A seeded model of people: what becomes of a mail, and when. Knows nothing of HTTP, JSON or SendGrid's fields.

Whoever has no mailbox, a mail app that opens by itself or a scanner at the door has it for every mail; the rest is
drawn anew for each. All draws rest on seed, address and subject, never on ids: the same campaign has the same fate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from xmit_pipeline.sandbox.people_dice import Dice

Kind: TypeAlias = Literal[
    "processed", "dropped", "deferred", "delivered", "bounce", "late_bounce", "blocked",
    "machine_open", "open", "scan", "click", "spamreport", "unsubscribe", "one_click",
]  # fmt: skip
Rate: TypeAlias = Annotated[float, Field(ge=0, le=1)]

LAST = 44 * 3600.0
"""By then, in seconds after the mail was accepted, everybody has done all they will: before a step two days later."""
_MINUTE, _HOUR = 60.0, 3600.0
_SOONEST = 20.0
_RETRY_GAPS = (15 * _MINUTE, 30 * _MINUTE, 60 * _MINUTE)


class PeopleOrder(BaseModel):
    """The body of `POST /_sandbox/people`: how often people do what; each rate is a share from 0 to 1.

    Of people: `hard_bounce` (no such mailbox), `machine_open` (the mail app opens), `scanner` (all links are
    followed within seconds). Of mails: `drop`, `deferred`, `soft_bounce`. Of delivered mails: `open`, `complaint`,
    `unsubscribe`. `click` and `reopen` are shares of the opened mails, `late_bounce` of the hard bounces,
    `unsubscribe_event` of the unsubscribes: these come as an event, the others by the mail's own link.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 1
    speed: float = Field(default=1, gt=0, description="How many times faster than life people read.")
    drop: Rate = 0.0
    deferred: Rate = 0.03
    hard_bounce: Rate = 0.012
    late_bounce: Rate = 0.05
    soft_bounce: Rate = 0.006
    machine_open: Rate = 0.22
    open: Rate = 0.38
    reopen: Rate = 0.2
    scanner: Rate = 0.02
    click: Rate = 0.16
    complaint: Rate = 0.0003
    unsubscribe: Rate = 0.006
    unsubscribe_event: Rate = 0.0


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens `after` seconds; `turn` tells apart what happens again, `roll` (0 to 1) chooses."""

    kind: Kind
    after: float
    turn: int = 0
    roll: float = 0.0


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who may get mail, by one order."""

    order: PeopleOrder

    def acts(self, address: str, occasion: str) -> Iterator[Act]:
        """What becomes of one mail; `occasion` tells it from the others to this address (in any case)."""
        person = Dice(f"{self.order.seed}/{address.lower()}")
        mail = Dice(f"{person.key}/{occasion}")
        start = 1 + 2 * mail.roll("processed")
        if mail.chance("drop", self.order.drop):
            yield Act("dropped", start, roll=mail.roll("drop reason"))
            return
        yield Act("processed", start)
        deferrals = self._deferrals(mail, start)
        yield from deferrals
        landed = deferrals[-1].after + _RETRY_GAPS[deferrals[-1].turn] if deferrals else start
        yield from self._delivery(person, mail, landed + 1 + 9 * mail.roll("delivery"))

    def _deferrals(self, mail: Dice, start: float) -> list[Act]:
        if not mail.chance("deferred", self.order.deferred):
            return []
        times = [start + 2 + sum(_RETRY_GAPS[:turn]) for turn in range(len(_RETRY_GAPS))]
        return [Act("deferred", times[turn], turn) for turn in range(1 + mail.pick("attempts", len(times)))]

    def _delivery(self, person: Dice, mail: Dice, at: float) -> Iterator[Act]:
        if person.chance("missing", self.order.hard_bounce):
            if not person.chance("late bounce", self.order.late_bounce):
                yield Act("bounce", at)
                return
            yield Act("delivered", at)
            yield Act("late_bounce", self._later(mail, "late bounce", at, 20 * _MINUTE, 1.0))
        elif mail.chance("soft bounce", self.order.soft_bounce):
            yield Act("blocked", at, roll=mail.roll("block"))
        else:
            yield Act("delivered", at)
            yield from self._machines(person, mail, at)
            yield from self._reading(mail, at)

    def _machines(self, person: Dice, mail: Dice, at: float) -> Iterator[Act]:
        if person.chance("scanner", self.order.scanner):
            yield Act("scan", at + 1 + 3 * mail.roll("scan"))
        if person.chance("machine", self.order.machine_open):
            yield Act("machine_open", self._later(mail, "machine open", at, 10 * _MINUTE, 1.2))

    def _reading(self, mail: Dice, at: float) -> Iterator[Act]:
        opened = self._later(mail, "open", at, 2.5 * _HOUR, 1.3)
        if mail.chance("open", self.order.open):
            yield Act("open", opened)
            if mail.chance("click", self.order.click):
                clicked = self._later(mail, "click", opened, _MINUTE, 0.8)
                yield Act("click", clicked, roll=mail.roll("link"))
            if mail.chance("reopen", self.order.reopen):
                yield Act("open", self._later(mail, "reopen", opened, 5 * _HOUR, 1.0), 1)
        if mail.chance("complaint", self.order.complaint):
            yield Act("spamreport", self._later(mail, "complaint", opened, _HOUR, 0.8))
        if mail.chance("unsubscribe", self.order.unsubscribe):
            by_event = mail.chance("unsubscribe event", self.order.unsubscribe_event)
            after = self._later(mail, "unsubscribe", opened, _MINUTE, 0.8)
            yield Act("unsubscribe" if by_event else "one_click", after)

    def _later(self, mail: Dice, name: str, at: float, median: float, spread: float) -> float:
        """A while after `at`: never at once, and never after LAST."""
        gap = mail.around(f"{name} gap", median / self.order.speed, spread, lowest=_SOONEST, highest=LAST)
        return min(at + gap, LAST)
