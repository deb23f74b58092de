"""Whom, or what, a refusal that names nobody is about: found by smaller requests (SPEC 6.5). Decides, never posts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from xmit_pipeline.delivery.posting import Posted
from xmit_pipeline.delivery.window import Envelope
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.outcomes import Consequence, Verdict

ROUNDS = 3
"""So often three are asked, other ones each time, before their different words hold the step all the same."""


class Stage(Enum):
    HALVES = "halves"
    SINGLES = "singles"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step's last round of parts was, and how many there were."""

    stage: Stage
    parts: int


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of one refused request that go on in a request of their own."""

    request_id: str
    refused_id: str
    message_ids: tuple[str, ...]


@dataclass(slots=True)
class Decision:
    """`parts` are posted next, `failed` (message, words) never, `held` (step, words) wait for a person.

    Refused messages in none of the three are released.
    """

    parts: list[Part] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Divisions:
    """One tick's memory of refusals, by step. `taken_lately(step)` is what the store knows of earlier ticks.

    `rounds`: how often singles were asked of a step, and disagreed.
    """

    taken_lately: Callable[[str], bool]
    proven: set[str] = field(default_factory=set)
    asked: dict[str, Asked] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)

    def after(self, posted: Sequence[Posted], *, go_on: bool = True) -> Decision:
        """What follows from a round of posts; where the tick may not go on, nothing, but what was taken counts."""
        self.proven |= {each.envelope.step_id for each in posted if each.outcome.verdict is Verdict.ACCEPTED}
        decision = Decision()
        if not go_on:
            self.asked.clear()
            return decision
        refused = [each for each in posted if each.outcome.consequence is Consequence.DIVIDE]
        for step_id in dict.fromkeys(each.envelope.step_id for each in posted):
            of_step = [each for each in refused if each.envelope.step_id == step_id]
            asked = self.asked.pop(step_id, None)
            if of_step:
                self._decide(step_id, of_step, asked, decision)
        return decision

    def _decide(self, step_id: str, refused: list[Posted], asked: Asked | None, decision: Decision) -> None:
        people = sum(len(each.envelope.message_ids) for each in refused)
        if step_id in self.proven:
            decision.failed += [single for each in refused for single in _single(each)]
            decision.parts += [half for each in refused for half in _halves(each.envelope)]
        elif asked is None and people == 1 and self.taken_lately(step_id):
            decision.failed += _single(refused[0])
        elif asked is None and people == 1:
            decision.held.append((step_id, _said(refused)))
        elif asked and (asked.stage is Stage.SINGLES or people == len(refused)):
            self._hear(step_id, refused, asked, decision)
        elif asked is None and len(refused) == 1:
            self._ask(step_id, Stage.HALVES, _halves(refused[0].envelope), decision)
        else:
            self._ask(step_id, Stage.SINGLES, _witnesses(refused, self.rounds.get(step_id, 0)), decision)

    def _ask(self, step_id: str, stage: Stage, parts: list[Part], decision: Decision) -> None:
        self.asked[step_id] = Asked(stage, len(parts))
        decision.parts += parts

    def _hear(self, step_id: str, refused: list[Posted], asked: Asked, decision: Decision) -> None:
        """Singles speak for the step where all were judged, and say the same; else all are released, and go again."""
        if len(refused) < asked.parts:
            return
        self.rounds[step_id] = self.rounds.get(step_id, 0) + 1
        if len({each.outcome.words for each in refused}) == 1 or self.rounds[step_id] == ROUNDS:
            decision.held.append((step_id, _said(refused)))


def _single(refused: Posted) -> list[tuple[str, str]]:
    """The message of a refused request that held no other, with SendGrid's words."""
    alone = len(refused.envelope.message_ids) == 1
    return [(refused.envelope.message_ids[0], refused.outcome.words)] if alone else []


def _halves(envelope: Envelope) -> list[Part]:
    middle = len(envelope.message_ids) // 2
    halves = (envelope.message_ids[:middle], envelope.message_ids[middle:])
    return [_part(envelope, half) for half in halves] if middle else []


def _witnesses(refused: Iterable[Posted], round_: int) -> list[Part]:
    """First, middle and last of all that was refused, each alone; their neighbours where others were asked before."""
    everyone = [(each.envelope, message_id) for each in refused for message_id in each.envelope.message_ids]
    last = len(everyone) - 1
    places = sorted({min(round_, last), min(last // 2 + round_, last), max(last - round_, 0)})
    return [_part(everyone[place][0], [everyone[place][1]]) for place in places]


def _part(envelope: Envelope, message_ids: Sequence[str]) -> Part:
    return Part(str(new_id()), envelope.request_id, tuple(message_ids))


def _said(refused: Iterable[Posted]) -> str:
    return "; ".join(dict.fromkeys(each.outcome.words for each in refused))
