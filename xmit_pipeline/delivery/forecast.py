"""A sequence played forward: what would be sent when, under the quotas; nothing is sent or changed (SPEC 10)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from xmit_pipeline.model.delays import whole_minute
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.store import forecast_play as play
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.enrollments import EnrollResult
from xmit_pipeline.store.forecast_copy import ThrowAwayStore, excerpt, thrown_away
from xmit_pipeline.store.forecast_start import (
    enroll_members,
    enroll_newcomers,
    settle_open,
    start_sequence,
    wait_for_settlement,
)
from xmit_pipeline.store.lists import get_list
from xmit_pipeline.store.sequences import get_sequence
from xmit_pipeline.store.steps import live_steps
from xmit_pipeline.store.tick_start import begin_tick
from xmit_pipeline.store.warmup import domain_days

LONGEST = 366
MOST_A_DAY = 1_000_000
MOST_NEWCOMERS = 2_000_000
"""A forecast holds them all in memory, some 500 bytes each, and plays them for minutes."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
UNKNOWN_AFTER = timedelta(hours=24)

Progress = Callable[[int, int], None]
"""Told after each day: days played, days in all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: from when, for how many UTC days, and who would be enrolled beside those who are.

    With a list its members are, at once or `rate` a day; with a rate alone as many newcomers a day.
    """

    start: datetime
    days: int = 30
    list_id: UUID | None = None
    rate: int | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise BadInput("A forecast begins at a time with a zone, such as 2026-11-22T09:00:00Z.")
        if not EARLIEST <= self.start < LATEST:
            raise BadInput(f"A forecast begins from the year {EARLIEST:%Y} on and before {LATEST:%Y}.")
        if not 1 <= self.days <= LONGEST:
            raise BadInput(f"A forecast covers 1 to {LONGEST} days; it got {self.days}.")
        if self.rate is not None and not 1 <= self.rate <= MOST_A_DAY:
            raise BadInput(f"A rate is 1 to {MOST_A_DAY:,} people a day; it got {self.rate:,}.")
        newcomers = (self.rate or 0) * self.days if self.list_id is None else 0
        if newcomers > MOST_NEWCOMERS:
            raise BadInput(
                f"{self.rate:,} new people a day for {self.days} days are {newcomers:,}; a forecast plays at most "
                f"{MOST_NEWCOMERS:,}. Give fewer days, or a lower rate."
            )

    @property
    def first_tick(self) -> datetime:
        """The first whole minute at or after the start."""
        minute = whole_minute(self.start)
        return minute if minute == self.start else minute + timedelta(minutes=1)

    @property
    def end(self) -> datetime:
        """The midnight after the last day."""
        return datetime.combine(self.first_tick.date() + timedelta(days=self.days), time(), UTC)


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """One step on one UTC day: sent in it, and still waiting at its end though due."""

    date: date
    step_id: UUID
    sent: int
    deferred: int


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The domain that makes people wait longest: how many nights they wait in all, and until which day."""

    domain: str
    nights: int
    until: date


@dataclass(frozen=True, slots=True)
class Forecast:
    """`rows`: a row a day and live step, zeros included. `finishes_at` is None where somebody is still on the way."""

    sequence_id: UUID
    sequence_name: str
    steps: dict[UUID, str]
    rows: list[ForecastRow]
    finishes_at: datetime | None
    completed: int
    active: int
    enrolled: EnrollResult
    bottleneck: Bottleneck | None
    walls: dict[str, int]
    others: dict[str, int]
    assumptions: list[str]


@dataclass(slots=True)
class _Nights:
    """Who waited at the end of each day."""

    deferred: dict[tuple[date, UUID], int] = field(default_factory=dict)
    by_domain: dict[UUID, int] = field(default_factory=dict)
    until: dict[UUID, date] = field(default_factory=dict)
    walls: dict[str, int] = field(default_factory=dict)

    def note(self, day: date, waiting: list[play.Waiting], sequence_id: UUID) -> None:
        """What waits at the end of a day; walls are those of the latest."""
        self.walls = {}
        for group in waiting:
            if group.sequence_id != sequence_id:
                continue
            key = (day, group.step_id)
            self.deferred[key] = self.deferred.get(key, 0) + group.people
            if group.wall:
                self.walls[group.wall] = self.walls.get(group.wall, 0) + group.people
            elif group.domain_id:
                self.by_domain[group.domain_id] = self.by_domain.get(group.domain_id, 0) + group.people
                self.until[group.domain_id] = day


def forecast(
    store: Store,
    sequence_id: UUID,
    plan: Plan,
    progress: Progress | None = None,
    *,
    unknown_after: timedelta = UNKNOWN_AFTER,
) -> Forecast:
    """Play a sequence and those it shares domains with through so many days, on a store that is thrown away.

    A draft is taken as activated at the start, with its list's members; a paused sequence as resumed. NotFound,
    Conflict for an archived one, BadInput with each fault for a draft that can't be activated. `unknown_after`: how
    long after its post mail of unknown fate settles.
    """
    with store.snapshot() as connection:
        sequence = get_sequence(connection, sequence_id)
        list_name = get_list(connection, plan.list_id)["name"] if plan.list_id else None
        taken = excerpt(connection, sequence_id, plan.first_tick, plan.list_id)
    with thrown_away(taken) as played:
        enrolled = _begin(played, sequence_id, plan, unknown_after)
        nights = _play(played, sequence_id, plan, progress)
        assumptions = _assumptions(sequence["status"], plan, list_name, unknown_after)
        return _told(played, sequence_id, plan, enrolled, nights, assumptions)


def _begin(played: ThrowAwayStore, sequence_id: UUID, plan: Plan, unknown_after: timedelta) -> EnrollResult:
    now = plan.first_tick
    enrolled = EnrollResult(0, {})
    with played.transaction() as connection:
        settle_open(connection)
        start_sequence(connection, sequence_id, now)
        wait_for_settlement(connection, unknown_after)
        if plan.list_id:
            enrolled = enroll_members(connection, sequence_id, plan.list_id, now, plan.rate)
        elif plan.rate:
            enrolled = enroll_newcomers(connection, sequence_id, now, plan.rate, plan.days)
    begin_tick(played, now)
    return enrolled


def _play(played: ThrowAwayStore, sequence_id: UUID, plan: Plan, progress: Progress | None) -> _Nights:
    nights, now = _Nights(), plan.first_tick
    with played.transaction() as connection:
        play.board(connection)
        while now < plan.end:
            until = play.tick(connection, now)
            moved = 1
            while moved:
                moved, until = play.leap(connection, now, until)
            if until.date() != now.date():
                nights.note(now.date(), play.waiting(connection, until), sequence_id)
                if progress:
                    progress((until.date() - plan.first_tick.date()).days, plan.days)
            now = until
    return nights


def _told(
    played: ThrowAwayStore,
    sequence_id: UUID,
    plan: Plan,
    enrolled: EnrollResult,
    nights: _Nights,
    assumptions: list[str],
) -> Forecast:
    with played.transaction() as connection:
        sent = play.sent_by_day(connection)
        ways = play.ways(connection, sequence_id)
        steps = {step["id"]: step["name"] for step in live_steps(connection, sequence_id)}
        names = {day.domain_id: day.name for day in domain_days(connection, plan.end)}
        others = {
            get_sequence(connection, other)["name"]: sum(
                each.sent for each in sent if each.sequence_id == other
            )
            for other in sorted({each.sequence_id for each in sent} - {sequence_id})
        }
        name = get_sequence(connection, sequence_id)["name"]
    by_key = {(each.day, each.step_id): each.sent for each in sent}
    days = [plan.first_tick.date() + timedelta(days=number) for number in range(plan.days)]
    rows = [
        ForecastRow(day, step, by_key.get((day, step), 0), nights.deferred.get((day, step), 0))
        for day in days
        for step in steps
    ]
    return Forecast(
        sequence_id=sequence_id,
        sequence_name=name,
        steps=steps,
        rows=rows,
        finishes_at=ways.last_ended_at if not ways.active else None,
        completed=ways.completed,
        active=ways.active,
        enrolled=enrolled,
        bottleneck=_bottleneck(nights, names),
        walls=nights.walls,
        others=others,
        assumptions=assumptions,
    )


def _bottleneck(nights: _Nights, names: dict[UUID, str]) -> Bottleneck | None:
    if not nights.by_domain:
        return None
    worst = max(nights.by_domain, key=lambda domain_id: (nights.by_domain[domain_id], names[domain_id]))
    return Bottleneck(names[worst], nights.by_domain[worst], nights.until[worst])


def _assumptions(status: str, plan: Plan, list_name: str | None, unknown_after: timedelta) -> list[str]:
    told = [
        "Nobody unsubscribes, bounces or complains; SendGrid takes every mail at once; a tick runs each minute."
    ]
    told.append("Limits, senders, holds and sequences stay as they are; warmups go on day by day.")
    hours = int(unknown_after.total_seconds() // 3600)
    told.append(f"Mail of unknown fate counts as sent, and settles {hours:,} hours after its post.")
    if status == SequenceStatus.DRAFT:
        told.append("The draft is activated at the start, and the members of its list are enrolled.")
    if status == SequenceStatus.PAUSED:
        told.append("The paused sequence is resumed at the start.")
    pace = f" {plan.rate:,} a day, evenly," if plan.rate else ""
    if list_name:
        told.append(f"The members of {list_name!r} are enrolled{pace or ' at the start'}".rstrip(",") + ".")
    elif plan.rate:
        told.append(f"New people are enrolled,{pace}".rstrip(",") + ".")
    else:
        told.append("Nobody else joins.")
    return told
