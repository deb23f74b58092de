"""The seeded scheduler of faults: the same seed orders the same blows. Draws, never acts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.campaigns import START
from tests.faults.orders import POINTS, Trap
from tests.faults.template import GROUPS, PEOPLE_AT_ONCE, SEQUENCES

SLOW = 0.05
DEATHS = ("point", "point", "line", "line", "seconds", "torn", "full")
"""Ways to be struck, drawn evenly."""
MANY_CALLS = ("journal", "post", "accepted", "refused")
"""Points that a tick passes once a request."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One tick and what befalls it. `answers`: what the sink does to the calls that come, in their order.

    `share`: how far into a tick its death comes, where the trap counts lines or seconds.
    """

    moment: datetime
    stride: float = 0.0
    trap: Trap | None = None
    share: float = 0.0
    answers: list[dict[str, Any]] = field(default_factory=list)
    boot: str = ""
    power_cut: bool = False
    """Before it; so it is another boot."""
    backwards: bool = False
    events: bool = False
    """SendGrid's events of all that it has accepted come in before it."""

    suppressed: str = ""
    """This address, from just before it."""
    turned: int | None = None
    """The place of a sequence that is paused just before it, or resumed where it was paused."""

    @property
    def perhaps(self) -> int:
        """How many of the answers leave the fate of a request open."""
        return sum(_is_perhaps(answer) for answer in self.answers)


def blows(seed: int, count: int, struck: float = 0.75) -> Iterator[Blow]:
    """`count` blows, the clock moving on between them; so large a share of the ticks is struck."""
    draw = Random(seed)  # noqa: S311  (no secret)
    moment, boot = START, 0
    left = [f"someone{group}-{one}@example.net" for group in range(GROUPS) for one in range(PEOPLE_AT_ONCE)]
    for _ in range(count):
        power_cut = draw.random() < 0.08
        boot += power_cut
        moment = _next_moment(draw, moment)
        backwards = draw.random() < 0.05
        befallen = draw.random() < struck
        yield Blow(
            moment=moment - timedelta(hours=draw.randint(1, 48)) if backwards else moment,
            stride=draw.choice([0.0, 0.0, 0.2, 1.0]),
            trap=_trap(draw) if befallen else None,
            share=draw.random() * 1.05,
            answers=_answers(draw),
            boot=f"boot {boot}",
            power_cut=power_cut,
            backwards=backwards,
            events=draw.random() < 0.25,
            suppressed=_somebody(draw, left) if draw.random() < 0.15 else "",
            turned=draw.randrange(SEQUENCES) if draw.random() < 0.25 else None,
        )


def _somebody(draw: Random, left: list[str]) -> str:
    """Each is suppressed once at most."""
    return left.pop(draw.randrange(len(left)))


def _next_moment(draw: Random, moment: datetime) -> datetime:
    """Minutes later, sometimes just before midnight, and rarely a day or two."""
    kind = draw.random()
    if kind < 0.08:
        midnight = moment.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        return midnight - timedelta(seconds=draw.randint(1, 20))
    if kind < 0.12:
        return moment + timedelta(days=draw.randint(1, 2))
    return moment + timedelta(minutes=draw.randint(2, 16))


def _trap(draw: Random) -> Trap:
    kind = draw.choice(DEATHS)
    if kind == "point":
        return _at_point(draw, "point")
    if kind == "full":
        return _at_point(draw, "full", room=draw.choice([0, 0, 2_000, 20_000, 200_000]))
    return Trap(kind, nth=draw.randint(1, 8))


def _at_point(draw: Random, kind: str, room: int = 0) -> Trap:
    point = draw.choice(list(POINTS))
    nth = draw.randint(1, 8) if point in MANY_CALLS else draw.choice([1, 1, 1, 2])
    return Trap(kind, point, draw.choice(["before", "after"]), nth, room=room)


def _answers(draw: Random) -> list[dict[str, Any]]:
    """Up to a dozen calls' worth; most go well, and what comes after them does."""
    if draw.random() < 0.3:
        return []
    return [_answer(draw) for _ in range(draw.randint(1, 12))]


def _answer(draw: Random) -> dict[str, Any]:
    kind = draw.random()
    if kind < 0.55:
        return {"kind": "delay", "seconds": draw.choice([0.0, 0.0, SLOW, 2 * SLOW])}
    if kind < 0.70:
        return {"kind": "status", "status": draw.choice([500, 502, 504]), "accept": draw.random() < 0.5}
    if kind < 0.80:
        return {"kind": "reset", "when": draw.choice(["before", "after"])}
    if kind < 0.85:
        return {"kind": "hang", "seconds": 1.5, "accept": draw.random() < 0.5}
    if kind < 0.90:
        return {"kind": "status", "status": 413}
    return {"kind": "status", "status": draw.choice([429, 503, 401, 400, 302])}


def _is_perhaps(answer: dict[str, Any]) -> bool:
    return answer["kind"] in ("reset", "hang") or answer.get("status") in (500, 502, 504)
