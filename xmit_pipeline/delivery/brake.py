"""How boldly one tick posts: slowly until SendGrid has taken something, not at all once it is in trouble.

So an outage leaves three requests of unknown fate, and not a window's mail (SPEC 6.6).
"""

from dataclasses import dataclass, field
from threading import Condition

from xmit_pipeline.model.outcomes import Cause, Consequence, Outcome, Verdict

POSTS_AT_A_TIME = 8
UNANSWERED_IN_A_ROW = 3


@dataclass(slots=True)
class Brake:
    """Shared by a tick's posting threads. `unanswered` counts on from the tick before.

    `probing`: one message tries after trouble, so the first unknown fate is enough. `dividing`: parts of a refused
    request are on their way, and each is asked for. `wanted`: so many must be taken before it is bold; after an
    unknown fate as many as may have been on the wire with it, for those say nothing of what comes. `answered`:
    SendGrid has judged some mail, whatever it said of it. `stopped` ended the posting; `avoided` are steps and
    senders in trouble of their own.
    """

    unanswered: int = 0
    probing: bool = False
    dividing: bool = False
    wanted: int = 1
    answered: bool = False
    stopped: Outcome | None = None
    avoided: dict[str, str] = field(default_factory=dict)
    _posting: int = 0
    _change: Condition = field(default_factory=Condition)

    def admit(self, step_id: str, sender_id: str) -> str | None:
        """Wait for a place at the wire; None once it is had, or why nothing may be posted."""
        with self._change:
            self._change.wait_for(lambda: self.stopped is not None or self._posting < self.at_a_time)
            if self.stopped is not None:
                return self.stopped.words or "SendGrid is in trouble"
            if trouble := self.avoided.get(sender_id) or self.avoided.get(step_id):
                return trouble
            self._posting += 1
            return None

    def leave(self) -> None:
        """Give the place back."""
        with self._change:
            self._posting -= 1
            self._change.notify_all()

    def feel(self, outcome: Outcome, step_id: str, sender_id: str) -> None:
        """Take one outcome into account."""
        with self._change:
            self.unanswered = self.unanswered + 1 if outcome.unanswered else 0
            if outcome.verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
                self.answered, self.probing = True, False
            if outcome.verdict is Verdict.ACCEPTED:
                self.wanted = max(self.wanted - 1, 0)
            if outcome.unanswered:
                self.wanted = POSTS_AT_A_TIME
            if outcome.consequence is Consequence.HOLD_SENDER:
                self.avoided[sender_id] = outcome.words
            if outcome.consequence is Consequence.DIVIDE and not self.dividing:
                self.avoided[step_id] = outcome.words
            if outcome.consequence is Consequence.STOP:
                self.stop(outcome)
            if self.unanswered >= (1 if self.probing else UNANSWERED_IN_A_ROW):
                self.stop(Outcome(Verdict.PERHAPS, Consequence.STOP, outcome.words, cause=Cause.UNANSWERED))
            self._change.notify_all()

    def stop(self, why: Outcome) -> None:
        """Post nothing more; the first reason stands."""
        self.stopped = self.stopped or why

    @property
    def at_a_time(self) -> int:
        """How many posts may be under way at present."""
        if not self.wanted:
            return POSTS_AT_A_TIME
        return 1 if self.probing else max(UNANSWERED_IN_A_ROW - self.unanswered, 1)
