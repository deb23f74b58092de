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
    """Nothing more is posted for now; `Outcome.cause` says why."""
    DIVIDE = "divide"
    """The refusal names nobody: smaller requests will tell whom, or what, it is about."""
    HOLD_SENDER = "hold_sender"
    FAIL_RECIPIENTS = "fail_recipients"


class Cause(StrEnum):
    """Why a circuit opens: each is waited for, and probed, alike."""

    BUSY = "busy"
    """429, 503, no connection: surely not sent, and soon over."""
    UNANSWERED = "unanswered"
    CREDENTIALS = "credentials"
    """The key, its scopes, or its credits."""
    STRANGER = "stranger"
    """Something that is not SendGrid answers: a redirect, a page."""


class UnknownPolicy(StrEnum):
    """What becomes of a message of unknown fate that nothing has proved (SPEC 6.6)."""

    PRESUME_SENT = "presume_sent"
    """No duplicates, perhaps a loss."""
    RESEND = "resend"
    """No losses, perhaps a duplicate."""


class Fault(StrEnum):
    """How a post ended without an answer."""

    NOT_CONNECTED = "not_connected"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """SendGrid's answer to one post; `fault` where none came. `words` are whatever explains it.

    `wait` is how many seconds it asked for (`Retry-After`, `X-RateLimit-Reset`), None where it did not.
    """

    status: int | None = None
    body: bytes = b""
    provider_id: str | None = None
    fault: Fault | None = None
    words: str = ""
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer means. `recipients`: the place in the request, and the words, of each address it names."""

    verdict: Verdict
    consequence: Consequence = Consequence.NOTHING
    words: str = ""
    recipients: tuple[tuple[int, str], ...] = ()
    cause: Cause | None = None
    wait: float | None = None

    @property
    def unanswered(self) -> bool:
        """Nobody can say: counted in a row (SPEC 6.6)."""
        return self.verdict is Verdict.PERHAPS


_RECIPIENT = re.compile(r"^personalizations\.(\d+)\.(?:to|cc|bcc)\b")
"""An address. What else is wrong in a personalization may be wrong in all of them, and nobody exits for that."""
_SENDER = re.compile(r"from.address|sender.identity", re.IGNORECASE)
_SERVER_ERROR = 500
LARGEST = 1000
"""Personalizations a Mail Send call takes (SendGrid, mail/send limits)."""


def judge(answer: Answer, size: int = LARGEST) -> Outcome:
    """The outcome of an answer (SPEC 6.5, 6.6) to a request of `size` messages.

    A redirect, or a 200 with HTML, is not success (6.11).
    """
    words = words_of(answer)
    match answer.status:
        case None:
            outcome = _without_answer(answer)
        case 202:
            outcome = Outcome(Verdict.ACCEPTED, words=words)
        case 400:
            outcome = _refused(answer, words, size)
        case 401:
            outcome = _stopped(Cause.CREDENTIALS, words)
        case 403:
            outcome = _forbidden(answer, words)
        case 413:
            outcome = Outcome(Verdict.REFUSED, Consequence.DIVIDE, "The request is too large for SendGrid.")
        case 429 | 503:
            outcome = _stopped(Cause.BUSY, f"SendGrid answered {answer.status}: {words}", answer.wait)
        case status if status >= _SERVER_ERROR:
            outcome = Outcome(Verdict.PERHAPS, words=f"SendGrid answered {status}: {words}")
        case status:
            told = f"SENDGRID_HOST answered {status}, which is no Mail Send answer: {words}"
            outcome = _stopped(Cause.STRANGER, told)
    return outcome


def words_of(answer: Answer) -> str:
    """SendGrid's own words, or the first line of whatever came."""
    if answer.words:
        return answer.words
    errors = _errors(answer.body)
    if errors:
        return "; ".join(str(error.get("message", "")) for error in errors)
    return answer.body[:200].decode(errors="replace").strip()


def _without_answer(answer: Answer) -> Outcome:
    if answer.fault is Fault.NOT_CONNECTED:
        return _stopped(Cause.BUSY, answer.words)
    return Outcome(Verdict.PERHAPS, words=answer.words)


def _stopped(cause: Cause, words: str, wait: float | None = None) -> Outcome:
    return Outcome(Verdict.NOT_SENT, Consequence.STOP, words, cause=cause, wait=wait)


def _forbidden(answer: Answer, words: str) -> Outcome:
    """About this sender where it names one, else about the key."""
    fields = [str(error.get("field") or "") for error in _errors(answer.body)]
    if any(field.split(".")[0] == "from" for field in fields) or _SENDER.search(words):
        return Outcome(Verdict.NOT_SENT, Consequence.HOLD_SENDER, words)
    return _stopped(Cause.CREDENTIALS, words)


def _refused(answer: Answer, words: str, size: int) -> Outcome:
    named = {
        int(place[1]): str(error.get("message", ""))
        for error in _errors(answer.body)
        if (place := _RECIPIENT.match(str(error.get("field") or ""))) and int(place[1]) < size
    }
    if named:
        return Outcome(Verdict.REFUSED, Consequence.FAIL_RECIPIENTS, words, tuple(sorted(named.items())))
    return Outcome(Verdict.REFUSED, Consequence.DIVIDE, words)


def _errors(body: bytes) -> list[dict[str, object]]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    errors = parsed.get("errors") if isinstance(parsed, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
