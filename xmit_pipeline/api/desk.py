"""What every call works with: the store, the clock, and the audit of what it changes. No rules of its own."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from xmit_pipeline.api.audited import kept_of
from xmit_pipeline.delivery.forecast_turns import ForecastTurns
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.audit import AuditEntry, write_audit
from xmit_pipeline.store.connection import Connection, EmbeddedStore
from xmit_pipeline.store.enroll_group import EnrollWish, enroll_group
from xmit_pipeline.store.enrollments import EnrollResult
from xmit_pipeline.store.group_commit import GroupCommit
from xmit_pipeline.store.keys import LiveKey
from xmit_pipeline.store.wish_files import note_way_out

CALLER = "xmit.key"
"""Where a call's scope holds the key that it came with."""

LARGEST_GROUP = 10_000
"""Contacts that one transaction of many callers enrolls at most: as many as one call may."""

WAYS_OUT = frozenset(
    {
        "archive_sequence",
        "create_suppression",
        "delete_contact",
        "delete_contacts",
        "delete_sender",
        "delete_step",
        "exit_enrollment",
        "pause_sequence",
        "pause_warmup",
        "unsubscribe_contact",
        "update_sender",
    }
)
"""Calls after which something may have to stop, also what a tick has claimed already."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call under way: the name of its key, the call's own name, and what it is about."""

    who: str
    what: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """One store, opened by short turns; `now` is read once the turn has come, so that times keep its order."""

    store: EmbeddedStore
    clock: Clock
    enrolling: GroupCommit[EnrollWish, EnrollResult]
    home: Path
    call: Call | None = None
    forecasting: ForecastTurns = field(default_factory=ForecastTurns)

    @property
    def who(self) -> str:
        """Whose call it is, as the audit names them."""
        return self.call.who if self.call else "xmit"

    @contextmanager
    def changing(self, *, audited: bool = True) -> Generator[tuple[Connection, datetime], None, None]:
        """One atomic write transaction and its time; who called what is kept with it, once it is done.

        Without `audited` the caller answers for the audit.
        """
        with self.store.transaction() as connection:
            now = self.clock.now()
            yield connection, now
            if audited and self.call:
                write_audit(connection, now, who=self.who, what=self.call.what, details=self.call.about)
        if self.call and self.call.what in WAYS_OUT:
            note_way_out(self.home)

    @contextmanager
    def reading(self) -> Generator[tuple[Connection, datetime], None, None]:
        """One consistent read and its time."""
        with self.store.snapshot() as connection:
            yield connection, self.clock.now()

    def enroll(self, sequence_id: UUID, contact_ids: Sequence[UUID | None]) -> EnrollResult:
        """Enroll contacts, with all calls that wait for the store at this time in one transaction."""
        entry = AuditEntry(self.who, self.call.what, self.call.about) if self.call else None
        return self.enrolling.ask(EnrollWish(sequence_id, contact_ids, entry))

    def made(self, kind: Kind, value: UUID) -> UUID:
        """Keep in the audit which thing this call made."""
        if self.call:
            self.call.about["id"] = public_id(kind, value)
        return value


def opened_desk(store: EmbeddedStore, clock: Clock, home: Path) -> Desk:
    """The one desk of a process: calls meet at it to share transactions."""

    def work(connection: Connection, wishes: Sequence[EnrollWish]) -> Sequence[EnrollResult | XmitError]:
        return enroll_group(connection, wishes, clock.now())

    return Desk(
        store, clock, GroupCommit(store, work, weight=lambda wish: wish.weight, largest=LARGEST_GROUP), home
    )


async def _desk_of(request: Request) -> Desk:
    desk = cast(Desk, request.app.state.desk)
    caller, route = request.scope.get(CALLER), request.scope.get("route")
    if not isinstance(caller, LiveKey) or not isinstance(route, APIRoute):
        return desk
    places = {to_camel(name): value for name, value in request.path_params.items()}
    about = {**await _kept_of_body(request, route), **places}
    return replace(desk, call=Call(caller.name, route.name, about))


async def _kept_of_body(request: Request, route: APIRoute) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        return {}
    return kept_of(body, route.body_field.field_info.annotation if route.body_field else None)


def _settings_of(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


AtSettings = Annotated[Settings, Depends(_settings_of)]
"""What the environment says."""

AtDesk = Annotated[Desk, Depends(_desk_of)]
"""A call's desk."""
