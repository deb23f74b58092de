"""Faults on order: what a test or a demo asks the sandbox to do to Mail Send. Decides, does not act."""

from collections.abc import Iterable
from threading import Lock
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class StatusFault(_Fault):
    """Answer `status`; with `accept` the mail is kept all the same. No body means SendGrid's own for it."""

    kind: Literal["status"]
    status: int = Field(ge=200, le=599)
    count: int = Field(default=1, ge=1)
    headers: dict[str, str] = {}
    body: JsonValue = None
    accept: bool = False


class DelayFault(_Fault):
    """Wait `seconds`, then go on as usual."""

    kind: Literal["delay"]
    seconds: float = Field(ge=0)
    count: int = Field(default=1, ge=1)


class ResetFault(_Fault):
    """Tear the connection down without an answer, before or after keeping the mail."""

    kind: Literal["reset"]
    when: Literal["before", "after"] = "before"
    count: int = Field(default=1, ge=1)


class HangFault(_Fault):
    """Say nothing for `seconds`, then tear the connection down; with `accept` the mail is kept first."""

    kind: Literal["hang"]
    seconds: float = Field(ge=0)
    count: int = Field(default=1, ge=1)
    accept: bool = False


class RefuseAddress(_Fault):
    """Refuse every request that holds this recipient, with 400, until faults are cleared.

    The answer names the recipient's place, unless `named` is false.
    """

    kind: Literal["refuse_address"]
    address: str
    message: str = "Does not contain a valid address."
    named: bool = True


class RefuseContent(_Fault):
    """Refuse every request whose subject or body holds this text, with 400 naming nobody."""

    kind: Literal["refuse_content"]
    contains: str = Field(min_length=1)
    message: str = "The content is not allowed."


class UnverifiedSender(_Fault):
    """Refuse every request from this address with 403, until faults are cleared."""

    kind: Literal["unverified_sender"]
    sender: str


PassingFault: TypeAlias = StatusFault | DelayFault | ResetFault | HangFault
Fault: TypeAlias = Annotated[
    PassingFault | RefuseAddress | RefuseContent | UnverifiedSender, Field(discriminator="kind")
]


class FaultOrder(BaseModel):
    """The body of `POST /_sandbox/faults`."""

    model_config = ConfigDict(extra="forbid")

    faults: list[Fault]


class Faults:
    """The faults in force: a queue of which each Mail Send call takes one, and rules that stand.

    Every method may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.order([])

    def order(self, faults: list[Fault]) -> None:
        """Put these in place of whatever was ordered before."""
        with self._lock:
            self._queue = [fault for fault in faults if isinstance(fault, PassingFault)]
            self._refused = {f.address.lower(): f for f in faults if isinstance(f, RefuseAddress)}
            self._content = [fault for fault in faults if isinstance(fault, RefuseContent)]
            self._unverified = {f.sender.lower(): f for f in faults if isinstance(f, UnverifiedSender)}

    def take(self) -> PassingFault | None:
        """The fault for the next call, used up by one; None where the queue is empty."""
        with self._lock:
            if not self._queue:
                return None
            fault = self._queue[0]
            left = [fault.model_copy(update={"count": fault.count - 1})] if fault.count > 1 else []
            self._queue[:1] = left
            return fault

    def refused_address(self, address: str) -> RefuseAddress | None:
        """The rule by which this recipient is refused, or None."""
        return self._refused.get(address.lower())

    def refused_content(self, texts: Iterable[str]) -> str | None:
        """The words with which a mail of these texts is refused, or None."""
        held = list(texts) if self._content else []
        return next(
            (rule.message for rule in self._content if any(rule.contains in text for text in held)), None
        )

    @property
    def refuses_addresses(self) -> bool:
        """Whether any recipient is refused at all."""
        return bool(self._refused)

    def is_unverified(self, sender: str) -> bool:
        """Whether this From address is declared not verified."""
        return sender.lower() in self._unverified

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """What is still in force, in the form it was ordered in."""
        with self._lock:
            rules = [*self._queue, *self._refused.values(), *self._content, *self._unverified.values()]
            return {"faults": [rule.model_dump() for rule in rules]}
