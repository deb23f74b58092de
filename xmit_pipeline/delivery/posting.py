"""Posting a window of requests side by side, each journalled just before its first byte (SPEC 6.2)."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import polars as pl

from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.window import Envelope
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.outcomes import Answer, Consequence, Outcome, Verdict, judge
from xmit_pipeline.model.warmup import utc_day

POSTS_AT_A_TIME = 8
ANSWERED = {
    "request_id": pl.String,
    "outcome": pl.String,
    "posted_at": pl.Datetime("us", "UTC"),
    "status_code": pl.Int32,
    "provider_id": pl.String,
    "words": pl.String,
}
"""What settlement reads: a row a request."""
PERHAPS_IN_A_ROW = 3
"""After so many posts of unknown fate in a row a tick posts nothing more (SPEC 6.6)."""


class Poster(Protocol):
    """Whatever carries a finished body to SendGrid."""

    def post(self, body: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Posted:
    """One request, how it ended, and when it was posted (the minute and day that count)."""

    envelope: Envelope
    outcome: Outcome
    answer: Answer | None
    posted_at: datetime


@dataclass(slots=True)
class Brake:
    """Stops a tick's posting: at once where an answer says so, or after three unknown fates in a row."""

    reason: str | None = None
    _perhaps: int = 0
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def feel(self, outcome: Outcome) -> None:
        """Take one outcome into account."""
        with self._changing:
            self._perhaps = self._perhaps + 1 if outcome.verdict is Verdict.PERHAPS else 0
            if outcome.consequence is Consequence.STOP or self._perhaps >= PERHAPS_IN_A_ROW:
                self.reason = self.reason or outcome.words or "SendGrid did not answer"


@dataclass(frozen=True, slots=True)
class Posting:
    """Everything one window's posting needs. `day` is the UTC day whose places the window holds."""

    poster: Poster
    journal: Journal
    clock: Clock
    brake: Brake
    day: date

    def post_all(self, envelopes: Sequence[Envelope]) -> list[Posted]:
        """Post side by side; what the brake or the turn of the day kept back is released."""
        with ThreadPoolExecutor(POSTS_AT_A_TIME, "xmit-post") as threads:
            return list(threads.map(self._post, envelopes))

    def _post(self, envelope: Envelope) -> Posted:
        now = self.clock.now()
        if self.brake.reason is not None:
            return _kept_back(envelope, now, self.brake.reason)
        if utc_day(now) != self.day:
            return _kept_back(envelope, now, "the UTC day turned before it was posted")
        self.journal.posted(
            envelope.request_id, now, envelope.step_id, envelope.message_ids, envelope.enrollment_ids
        )
        answer = self.poster.post(envelope.body)
        outcome = judge(answer)
        if outcome.verdict in (Verdict.NOT_SENT, Verdict.REFUSED):
            self.journal.not_sent(envelope.request_id, now)
        self.brake.feel(outcome)
        return Posted(envelope, outcome, answer, now)


def _kept_back(envelope: Envelope, now: datetime, why: str) -> Posted:
    return Posted(envelope, Outcome(Verdict.NOT_SENT, words=why), None, now)


def answered(posted: Sequence[Posted]) -> pl.DataFrame:
    """What settlement needs of each request, a row each."""
    return pl.DataFrame(
        [
            {
                "request_id": each.envelope.request_id,
                "outcome": each.outcome.verdict.value,
                "posted_at": each.posted_at,
                "status_code": each.answer.status if each.answer else None,
                "provider_id": each.answer.provider_id if each.answer else None,
                "words": each.outcome.words or None,
            }
            for each in posted
        ],
        schema=ANSWERED,
    )


def rejected(posted: Sequence[Posted]) -> pl.DataFrame:
    """Messages whose address SendGrid named in a refusal: message_id, words."""
    rows = [
        {"message_id": each.envelope.message_ids[each.outcome.recipient], "words": each.outcome.words}
        for each in posted
        if each.outcome.recipient is not None and each.outcome.recipient < len(each.envelope.message_ids)
    ]
    return pl.DataFrame(rows, schema={"message_id": pl.String, "words": pl.String})
