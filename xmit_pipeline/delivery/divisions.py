"""Whom, or what, a refusal that names nobody is about: found by smaller requests (SPEC 6.5). Decides, never posts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from xmit_pipeline.delivery.posting import Posted
from xmit_pipeline.delivery.window import Envelope
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.outcomes import Consequence, Verdict

SINGLES = 3
"""So many messages speak for a step of which nothing was accepted."""


class Stage(Enum):
    HALVES = "halves"
    SINGLES = "singles"


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
    """One tick's memory of refusals, by step. `taken_lately(step)` is what the store knows of earlier ticks."""

    taken_lately: Callable[[str], bool]
    proven: set[str] = field(default_factory=set)
    stages: dict[str, Stage] = field(default_factory=dict)

    def after(self, posted: Sequence[Posted]) -> Decision:
        """What follows from a round of posts."""
        self.proven |= {each.envelope.step_id for each in posted if each.outcome.verdict is Verdict.ACCEPTED}
        decision = Decision()
        refused = [each for each in posted if each.outcome.consequence is Consequence.DIVIDE]
        for step_id in dict.fromkeys(each.envelope.step_id for each in refused):
            self._decide(step_id, [each for each in refused if each.envelope.step_id == step_id], decision)
        return decision

    def _decide(self, step_id: str, refused: list[Posted], decision: Decision) -> None:
        people = sum(len(each.envelope.message_ids) for each in refused)
        stage = self.stages.pop(step_id, None)
        if step_id in self.proven:
            decision.failed += [single for each in refused for single in _single(each)]
            decision.parts += [half for each in refused for half in _halves(each.envelope)]
        elif stage is None and people == 1 and self.taken_lately(step_id):
            decision.failed += _single(refused[0])
        elif stage is Stage.SINGLES or people == 1 or (stage and people == len(refused)):
            decision.held.append((step_id, _said(refused)))
        elif stage is None and len(refused) == 1:
            self.stages[step_id] = Stage.HALVES
            decision.parts += _halves(refused[0].envelope)
        else:
            self.stages[step_id] = Stage.SINGLES
            decision.parts += _witnesses(refused)


def _single(refused: Posted) -> list[tuple[str, str]]:
    """The message of a refused request that held no other, with SendGrid's words."""
    alone = len(refused.envelope.message_ids) == 1
    return [(refused.envelope.message_ids[0], refused.outcome.words)] if alone else []


def _halves(envelope: Envelope) -> list[Part]:
    middle = len(envelope.message_ids) // 2
    halves = (envelope.message_ids[:middle], envelope.message_ids[middle:])
    return [_part(envelope, half) for half in halves] if middle else []


def _witnesses(refused: Iterable[Posted]) -> list[Part]:
    """First, middle and last of all that was refused, each alone."""
    everyone = [(each.envelope, message_id) for each in refused for message_id in each.envelope.message_ids]
    last = len(everyone) - 1
    places = sorted({0, last // 2, last})
    return [_part(everyone[place][0], [everyone[place][1]]) for place in places[:SINGLES]]


def _part(envelope: Envelope, message_ids: Sequence[str]) -> Part:
    return Part(str(new_id()), envelope.request_id, tuple(message_ids))


def _said(refused: Iterable[Posted]) -> str:
    return "; ".join(dict.fromkeys(each.outcome.words for each in refused))
