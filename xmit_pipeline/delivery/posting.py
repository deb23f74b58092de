"""Posting a window of requests side by side, each journalled just before its first byte (SPEC 6.2)."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl

from xmit_pipeline.delivery.brake import POSTS_AT_A_TIME, Brake
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.objections import OBJECTED, Objections
from xmit_pipeline.delivery.window import Envelope
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.outcomes import Answer, Consequence, Outcome, Verdict, judge
from xmit_pipeline.model.warmup import utc_day

ANSWERED = {
    "request_id": pl.String,
    "outcome": pl.String,
    "posted_at": pl.Datetime("us", "UTC"),
    "status_code": pl.Int32,
    "provider_id": pl.String,
    "words": pl.String,
}
"""What settlement reads: a row a request."""
TIME_IS_UP = "the tick's time was up before it was posted"
"""The words of a request that was claimed, and given back for this."""
REJECTED = {"message_id": pl.String, "words": pl.String}


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


@dataclass(frozen=True, slots=True)
class Posting:
    """Everything one window's posting needs.

    `day` is the UTC day whose places the window holds; `deadline`, by the monotonic clock, is when the tick's time is
    up: what is not posted by then is kept back, but for a first one that SendGrid has judged.
    """

    poster: Poster
    journal: Journal
    clock: Clock
    brake: Brake
    objections: Objections
    day: date
    deadline: float = float("inf")

    def post_all(self, envelopes: Sequence[Envelope]) -> list[Posted]:
        """Post side by side; what the brake, the turn of the day or the deadline kept back is released."""
        self.brake.avoided.clear()
        with self.journal.kept_open(), ThreadPoolExecutor(POSTS_AT_A_TIME, "xmit-post") as threads:
            return list(threads.map(self._admitted, envelopes))

    def _admitted(self, envelope: Envelope) -> Posted:
        why_not = self.brake.admit(envelope.step_id, envelope.sender_id)
        if why_not is not None:
            return self._kept_back(envelope, why_not)
        try:
            posted = self._post(envelope)
            if posted.answer is not None or posted.outcome.consequence is Consequence.STOP:
                self.brake.feel(posted.outcome, envelope.step_id, envelope.sender_id)
            return posted
        finally:
            self.brake.leave()

    def _post(self, envelope: Envelope) -> Posted:
        now = self.clock.now()
        if utc_day(now) != self.day:
            return self._kept_back(envelope, "the UTC day turned before it was posted")
        if self.brake.answered and time.monotonic() > self.deadline:
            return self._kept_back(envelope, TIME_IS_UP)
        if self.objections.of(envelope.enrollment_ids):
            return self._kept_back(envelope, OBJECTED)
        try:
            self.journal.posted(
                envelope.request_id,
                now,
                envelope.step_id,
                envelope.message_ids,
                envelope.enrollment_ids,
                envelope.contact_ids,
                envelope.sender_id,
            )
        except OSError as error:
            words = f"the journal can't be written ({error.strerror}); make room in XMIT_HOME"
            return Posted(envelope, Outcome(Verdict.NOT_SENT, Consequence.STOP, words), None, now)
        answer = self.poster.post(envelope.body)
        outcome = judge(answer, len(envelope.message_ids))
        self._note(envelope.request_id, now, outcome, answer)
        return Posted(envelope, outcome, answer, now)

    def _note(self, request_id: str, now: datetime, outcome: Outcome, answer: Answer) -> None:
        """In the journal, for whoever comes after us, should we die before we settle."""
        try:
            if outcome.verdict in (Verdict.NOT_SENT, Verdict.REFUSED):
                self.journal.not_sent(request_id, now)
            if outcome.verdict is Verdict.ACCEPTED:
                self.journal.accepted(request_id, now, answer.provider_id)
        except OSError:
            self.brake.stop(Outcome(Verdict.NOT_SENT, Consequence.STOP, "the journal can't be written"))

    def _kept_back(self, envelope: Envelope, why: str) -> Posted:
        return Posted(envelope, Outcome(Verdict.NOT_SENT, words=why), None, self.clock.now())


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


def given_back(left: pl.DataFrame) -> pl.DataFrame:
    """A row of ANSWERED for each request of `store.outbox.open_requests`, none of which was posted."""
    return left.select(
        "request_id",
        outcome=pl.lit(Verdict.NOT_SENT.value),
        posted_at=pl.lit(None, ANSWERED["posted_at"]),
        status_code=pl.lit(None, pl.Int32),
        provider_id=pl.lit(None, pl.String),
        words=pl.lit("it was never posted: the tick ended before"),
    )


def rejected(posted: Sequence[Posted]) -> list[tuple[str, str]]:
    """Messages whose address SendGrid named in a refusal, each with its words."""
    return [
        (each.envelope.message_ids[place], words)
        for each in posted
        for place, words in each.outcome.recipients
    ]
