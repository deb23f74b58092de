"""The hourly exchange with SendGrid's suppression lists: lift, pull, push (SPEC 7).

First what was lifted here leaves the lists there, then what is new there comes here, then, where it is wanted,
opt-outs go there. Each step is committed as SendGrid has answered; a later run goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from xmit_pipeline.delivery.control_calls import ControlCalls, SendGridRefused, path_part
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.suppression_sync import ENTRY, PulledList, Window, open_window, take_page
from xmit_pipeline.store.suppression_told import note_told, to_lift, to_push

PAGE = 500
"""Entries a call answers at most."""
LIFTED_AT_MOST = 1_000
"""Addresses a run takes off lists, a call each."""
PUSHED_AT_A_TIME = 1_000
GLOBAL = "global"


@dataclass(slots=True)
class SyncReport:
    """What one run did, in addresses. `pulled`: entries read, a list each; `new`: not suppressed here before.

    `notes`: what SendGrid refused, as sentences; the rest was done all the same.
    """

    lifted: int = 0
    pulled: dict[str, int] = field(default_factory=dict)
    new: int = 0
    pushed: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SuppressionSync:
    """One run. `push_to` is empty, `global`, or an ASM group's number; `page` and `calls` are SendGrid's."""

    store: Store
    clock: Clock
    calls: ControlCalls
    push_to: str = ""
    page: int = PAGE
    report: SyncReport = field(default_factory=SyncReport)

    def run(self) -> SyncReport:
        """Do all three; a refusal in one does not keep the others."""
        self._noting(self.lift)
        for pulled in PulledList:
            self._noting(lambda pulled=pulled: self.pull(pulled))
        if self.push_to:
            self._noting(self.push)
        return self.report

    def lift(self) -> None:
        """Take off SendGrid's lists what was lifted here. An address that can't be stays here lifted all the same."""
        with self.store.snapshot() as connection:
            lifted = to_lift(connection, LIFTED_AT_MOST)
        for row in lifted.iter_rows(named=True):
            self.calls.delete(_entry_of(row["list"], row["email"]))
            told = pl.DataFrame([{**row, "what": "lifted", "target": row["list"]}])
            self._note(told)
            self.report.lifted += 1

    def pull(self, pulled: PulledList) -> None:
        """Read a list from where the last pull stopped, page by page, to its end."""
        name = pulled.value
        last = False
        while not last:
            with self.store.transaction() as connection:
                window = open_window(connection, pulled, self.clock.now())
            entries = _entries(self.calls.get(f"suppression/{name}", _query(window, self.page)))
            last = entries.height < self.page
            with self.store.transaction() as connection:
                self.report.new += take_page(connection, window, entries, self.clock.now(), last=last)
            self.report.pulled[name] = self.report.pulled.get(name, 0) + entries.height

    def push(self) -> None:
        """Tell SendGrid of opt-outs and complaints it does not know of."""
        while True:
            with self.store.snapshot() as connection:
                fresh = to_push(connection, self.push_to, self.clock.now(), PUSHED_AT_A_TIME)
            if fresh.is_empty():
                return
            emails = fresh["email"].unique(maintain_order=True).to_list()
            self.calls.post(_group_of(self.push_to), {"recipient_emails": emails})
            self._note(fresh.with_columns(what=pl.lit("pushed"), target=pl.lit(self.push_to)))
            self.report.pushed += len(emails)

    def _note(self, told: pl.DataFrame) -> None:
        with self.store.transaction() as connection:
            note_told(connection, told, self.clock.now())

    def _noting(self, work: Callable[[], None]) -> None:
        try:
            work()
        except SendGridRefused as error:
            self.report.notes.append(str(error))


def _query(window: Window, page: int) -> dict[str, object]:
    start = {} if window.start is None else {"start_time": int(window.start.timestamp())}
    return {**start, "end_time": int(window.end.timestamp()), "limit": page, "offset": window.offset}


def _entries(answer: Any) -> pl.DataFrame:
    """A page as rows; an entry without an address or a time keeps its row, and is passed over in the store."""
    if not isinstance(answer, list):
        raise SendGridRefused(
            "What answers for SendGrid's suppression lists is no list. Check SENDGRID_HOST."
        )
    rows = [entry if isinstance(entry, dict) else {} for entry in answer]
    return pl.DataFrame(
        {
            "email": [str(entry.get("email") or "") for entry in rows],
            "created": [_seconds(entry.get("created")) for entry in rows],
        },
        schema=ENTRY,
    )


def _seconds(created: object) -> int | None:
    """Unix seconds, which may come as text."""
    text = str(created)
    return int(text) if text.isascii() and text.isdecimal() else None


def _group_of(target: str) -> str:
    return "asm/suppressions/global" if target == GLOBAL else f"asm/groups/{path_part(target)}/suppressions"


def _entry_of(name: str, email: str) -> str:
    known = {pulled.value for pulled in PulledList}
    place = f"suppression/{name}" if name in known else _group_of(name)
    return f"{place}/{path_part(email)}"
