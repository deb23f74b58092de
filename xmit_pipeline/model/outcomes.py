"""What an answer of Mail Send, or the lack of one, says about the mail (SPEC 6.5, 6.6, 6.11)."""

import re
from dataclasses import dataclass
from enum import StrEnum

import orjson


class Verdict(StrEnum):
    """`ACCEPTED`: SendGrid has it. `NOT_SENT`: surely not. `REFUSED`: surely not, and never as it is.
    `PERHAPS`: nobody can say."""

    ACCEPTED = "accepted"
    NOT_SENT = "released"
    REFUSED = "refused"
    PERHAPS = "unknown"


class Consequence(StrEnum):
    """What else follows from an answer."""

    NOTHING = "nothing"
    STOP = "stop"
    """The tick posts nothing more; what is left goes out in a later one."""
    HOLD_STEP = "hold_step"
    HOLD_SENDER = "hold_sender"
    FAIL_RECIPIENT = "fail_recipient"


class Fault(StrEnum):
    """How a post ended without an answer."""

    NOT_CONNECTED = "not_connected"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """SendGrid's answer to one post; `fault` where none came. `words` are whatever explains it."""

    status: int | None = None
    body: bytes = b""
    provider_id: str | None = None
    fault: Fault | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer means. `recipient` is the place in the request of the address it names."""

    verdict: Verdict
    consequence: Consequence = Consequence.NOTHING
    words: str = ""
    recipient: int | None = None


_RECIPIENT = re.compile(r"^personalizations\.(\d+)\.")
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_MEANINGS = {
    202: (Verdict.ACCEPTED, Consequence.NOTHING),
    401: (Verdict.NOT_SENT, Consequence.STOP),
    403: (Verdict.NOT_SENT, Consequence.HOLD_SENDER),
    413: (Verdict.REFUSED, Consequence.HOLD_STEP),
    429: (Verdict.NOT_SENT, Consequence.STOP),
    503: (Verdict.NOT_SENT, Consequence.STOP),
}


def judge(answer: Answer) -> Outcome:
    """The outcome of an answer (SPEC 6.5, 6.6). A redirect, or a 200 with HTML, is not success (6.11)."""
    if answer.status is None:
        return _unanswered(answer)
    words = words_of(answer)
    if answer.status == _BAD_REQUEST:
        return _refused(answer, words)
    if answer.status in _MEANINGS:
        verdict, consequence = _MEANINGS[answer.status]
        return Outcome(verdict, consequence, words)
    if answer.status >= _SERVER_ERROR:
        return Outcome(Verdict.PERHAPS, words=words)
    return Outcome(
        Verdict.NOT_SENT,
        Consequence.STOP,
        f"SENDGRID_HOST answered {answer.status}, which is no Mail Send answer: {words}",
    )


def words_of(answer: Answer) -> str:
    """SendGrid's own words, or the first line of whatever came."""
    if answer.words:
        return answer.words
    errors = _errors(answer.body)
    if errors:
        return "; ".join(str(error.get("message", "")) for error in errors)
    return answer.body[:200].decode(errors="replace").strip()


def _unanswered(answer: Answer) -> Outcome:
    if answer.fault is Fault.NOT_CONNECTED:
        return Outcome(Verdict.NOT_SENT, Consequence.STOP, answer.words)
    return Outcome(Verdict.PERHAPS, words=answer.words)


def _refused(answer: Answer, words: str) -> Outcome:
    for error in _errors(answer.body):
        named = _RECIPIENT.match(str(error.get("field") or ""))
        if named:
            return Outcome(Verdict.REFUSED, Consequence.FAIL_RECIPIENT, words, int(named[1]))
    return Outcome(Verdict.REFUSED, Consequence.HOLD_STEP, words)


def _errors(body: bytes) -> list[dict[str, object]]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    errors = parsed.get("errors") if isinstance(parsed, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
