"""What happens up to a moment, in order of time: mail meets the suppression lists, and events fill them.

Holds what is still to happen and what has; sends nothing anywhere.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

from xmit_pipeline.sandbox.events import EventWriter
from xmit_pipeline.sandbox.events_letter import Letter, letters
from xmit_pipeline.sandbox.mailbox import Mailbox
from xmit_pipeline.sandbox.people import People
from xmit_pipeline.sandbox.suppressions import ListName, SuppressionLists
from xmit_pipeline.sandbox.validation.shape import JsonObject

_DROPS: tuple[tuple[ListName, str], ...] = (
    ("bounces", "Bounced Address"),
    ("spam_reports", "Spam Reporting Address"),
    ("invalid_emails", "Invalid"),
    ("unsubscribes", "Unsubscribed Address"),
)
_LISTS: dict[str, ListName] = {
    "bounce": "bounces",
    "blocked": "blocks",
    "spamreport": "spam_reports",
    "unsubscribe": "unsubscribes",
}


@dataclass(frozen=True, slots=True)
class OneClick:
    """A reader's wish by the mail's own link, at `timestamp` (Unix seconds): to be posted to `url` (RFC 8058)."""

    url: str
    email: str
    custom_args: dict[str, str]
    timestamp: int

    def as_json(self) -> dict[str, Any]:
        """The wish beside the custom args of its mail, as events have them."""
        return self.custom_args | {"email": self.email, "timestamp": self.timestamp, "url": self.url}


@dataclass(slots=True)
class Happened:
    """Events in order of time, and the wishes that people's mail apps post beside them."""

    events: list[JsonObject] = field(default_factory=list[JsonObject])
    one_clicks: list[OneClick] = field(default_factory=list[OneClick])


@dataclass(slots=True)
class Emission:
    """One account's future and past; not safe from several threads at once, see `events_desk.py`.

    What happens rests on seed, addresses, subjects and times alone, so the same mail has the same fate again.
    """

    mailbox: Mailbox
    suppressions: SuppressionLists
    past: Happened = field(default_factory=Happened)
    _records: int = 0
    _clearing: int = 0
    _occasions: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    _future: list[tuple[float, str, int, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, str, int, int, Callable[[], None]]]
    )
    _numbers: count = field(default_factory=count)

    def happen(self, people: People, until: float) -> Happened:
        """Let everything happen up to and with `until` (Unix seconds); mail is taken up by these people."""
        self._take_up(people)
        events, wishes = len(self.past.events), len(self.past.one_clicks)
        while self._future and self._future[0][0] <= until:
            heappop(self._future)[-1]()
        return Happened(self.past.events[events:], self.past.one_clicks[wishes:])

    def _take_up(self, people: People) -> None:
        accepted = self.mailbox.accepted(self._records)
        if accepted.clearing != self._clearing:
            self._forget(accepted.clearing)
            accepted = self.mailbox.accepted(0)
        self._records = accepted.records
        for request in accepted.requests:
            for letter in letters(request):
                self._at(letter.sent_at, letter, partial(self._begin, people, letter))

    def _forget(self, clearing: int) -> None:
        self._clearing = clearing
        self._future.clear()
        self._occasions.clear()
        self.past = Happened()

    def _at(self, moment: float, letter: Letter, step: Callable[[], None]) -> None:
        heappush(self._future, (moment, letter.message_id, letter.ordinal, next(self._numbers), step))

    def _begin(self, people: People, letter: Letter) -> None:
        """SendGrid takes the mail up: dropped, or on its way."""
        writer = EventWriter(letter, people.order.seed)
        reason = None if letter.bypasses_suppressions else self._listed(letter)
        if reason is not None:
            self._at(letter.sent_at + 1, letter, partial(self._occur, writer.dropped(reason)))
            return
        place = (letter.email.lower(), letter.subject)
        self._occasions[place] += 1
        for act in people.acts(letter.email, f"{letter.subject}/{self._occasions[place]}"):
            if act.kind == "one_click" and (url := letter.one_click_url()) is not None:
                wish = OneClick(url, letter.email, letter.custom_args, int(letter.sent_at + act.after))
                self._at(wish.timestamp, letter, partial(self.past.one_clicks.append, wish))
                continue
            for event in writer.of(act):
                self._at(event["timestamp"], letter, partial(self._occur, event))

    def _listed(self, letter: Letter) -> str | None:
        for list_name, reason in _DROPS:
            if self.suppressions.find(list_name, letter.email):
                return reason
        if letter.group is not None and letter.email.lower() in self._group(letter.group):
            return "Unsubscribed Address"
        return None

    def _group(self, group: int) -> set[str]:
        return {email.lower() for email in self.suppressions.group(group)}

    def _occur(self, event: JsonObject) -> None:
        self.past.events.append(event)
        kind = event["event"] if event.get("type") != "blocked" else "blocked"
        if kind == "group_unsubscribe":
            self.suppressions.add_to_group(event["asm_group_id"], event["email"])
        elif kind in _LISTS:
            self.suppressions.add(
                _LISTS[kind], event["email"], created=event["timestamp"],
                reason=event.get("reason", ""), status=event.get("status", ""),
            )  # fmt: skip
