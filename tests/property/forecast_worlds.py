"""Random worlds for the forecast: what they hold, and the real ticks that they are played through."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from tests.campaigns import BODY, START, World
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.warmup import next_hour
from xmit_pipeline.store import senders, sequences, steps, warmup
from xmit_pipeline.store.frontier import due_groups, next_due

MINUTE = timedelta(minutes=1)
Counts = Counter[tuple[date, UUID]]


@dataclass(frozen=True)
class Domain:
    """A sending domain; without `start` it has no limit."""

    start: int | None
    target: int
    pacing: bool


@dataclass(frozen=True)
class Crowd:
    """So many people, enrolled so many minutes after the beginning."""

    people: int
    minute: int


@dataclass(frozen=True)
class Drip:
    """A sequence: the domain of each step by number, delays in minutes, and who is enrolled when."""

    steps: tuple[tuple[int, int], ...]
    priority: int
    crowds: tuple[Crowd, ...]
    held_step: int | None


@dataclass(frozen=True)
class Case:
    domains: tuple[Domain, ...]
    drips: tuple[Drip, ...]
    begins: int
    days: int


DOMAINS = st.builds(
    Domain,
    start=st.one_of(st.none(), st.integers(1, 8)),
    target=st.integers(2, 16),
    pacing=st.booleans(),
)
CROWDS = st.builds(Crowd, people=st.integers(1, 14), minute=st.sampled_from((0, 1, 45, 400, 905, 1500)))


def drips(domains: int) -> st.SearchStrategy[Drip]:
    one_step = st.tuples(st.integers(0, domains - 1), st.sampled_from((0, 1, 30, 240, 1440, 1441)))
    return st.builds(
        Drip,
        steps=st.lists(one_step, min_size=1, max_size=3).map(tuple),
        priority=st.sampled_from((100, 100, 50)),
        crowds=st.lists(CROWDS, min_size=1, max_size=3).map(tuple),
        held_step=st.sampled_from((None, None, None, 0, 1)),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    domains = draw(st.lists(DOMAINS, min_size=1, max_size=2).map(tuple))
    return Case(
        domains=domains,
        drips=draw(st.lists(drips(len(domains)), min_size=1, max_size=3).map(tuple)),
        begins=draw(st.sampled_from((0, 61, 500, 1000, 1600))),
        days=draw(st.integers(1, 3)),
    )


@dataclass
class Played:
    """A case in a real store, ticked through the sandbox."""

    world: World
    sequence_ids: list[UUID] = field(default_factory=list)
    deferred: Counts = field(default_factory=Counter)

    def set_up(self, case: Case) -> None:
        sender_ids = [self._sender(number, domain) for number, domain in enumerate(case.domains)]
        self.sequence_ids = [
            self._sequence(number, drip, sender_ids) for number, drip in enumerate(case.drips)
        ]

    def _sender(self, number: int, domain: Domain) -> UUID:
        with self.world.store.transaction() as connection:
            domain_id = senders.add_domain(connection, f"d{number}.example", START, verified=True)
            if domain.start:
                warmup.configure(
                    connection, domain_id, START, enabled=True, start=domain.start, target=domain.target,
                    factor=Decimal("1.5"), pacing=domain.pacing,
                )  # fmt: skip
            return senders.add_sender(connection, domain_id, f"hello@d{number}.example", START)

    def _sequence(self, number: int, drip: Drip, sender_ids: list[UUID]) -> UUID:
        with self.world.store.transaction() as connection:
            sequence_id = sequences.create_sequence(
                connection, START, name=f"s{number}", trigger_type=TriggerType.MANUAL, priority=drip.priority
            )
            for place, (domain, delay) in enumerate(drip.steps):
                steps.add_step(
                    connection, sequence_id, START, name=f"step {place}", subject="Hi", body_html=BODY,
                    delay_amount=delay, delay_unit=DelayUnit.MINUTES, sender_id=sender_ids[domain],
                )  # fmt: skip
            sequences.activate(connection, sequence_id, START)
            connection.execute(
                "UPDATE step SET held_at = $now, hold_reason = 'test' WHERE sequence_id = $id AND name = $name",
                {"id": sequence_id, "now": START, "name": f"step {drip.held_step}"},
            )
        return sequence_id

    def enroll(self, case: Case, first: int, last: int) -> list[int]:
        """Enroll the crowds of these minutes; answers the minutes that had some."""
        minutes: list[int] = []
        for sequence_id, drip in zip(self.sequence_ids, case.drips, strict=True):
            for place, crowd in enumerate(drip.crowds):
                if first <= crowd.minute < last:
                    moment = START + crowd.minute * MINUTE
                    people = self.world.people(crowd.people, prefix=f"{sequence_id}-{place}-", now=moment)
                    self.world.enroll(sequence_id, people, moment)
                    minutes.append(crowd.minute)
        return minutes

    def live(self, case: Case) -> datetime:
        """Everybody joins and ticks run, up to the minute at which the forecast begins."""
        reached = 0
        for minute in sorted({crowd.minute for drip in case.drips for crowd in drip.crowds} | {case.begins}):
            if minute > case.begins:
                break
            self.tick_through(START + reached * MINUTE, START + minute * MINUTE)
            self.enroll(case, minute, minute + 1)
            reached = minute
        return START + case.begins * MINUTE

    def tick_through(self, start: datetime, end: datetime) -> None:
        """A tick at each minute at which anything can change: due, or a full hour while mail waits."""
        now = start
        while now < end:
            result = self.world.tick(now)
            soon = [end, next_hour(now) if result.deferred else end]
            if result.report.sent:
                soon.append(now + MINUTE)  # a delay of 0 means the next tick
            with self.world.store.snapshot() as connection:
                due = next_due(connection, now)
            if due:
                soon.append(-(-due.timestamp() // 60) * MINUTE + datetime.fromtimestamp(0, UTC))
            self._note_days(now, min(soon))
            now = max(min(soon), now + MINUTE)

    def _note_days(self, now: datetime, then: datetime) -> None:
        """Who was left at the last minute of each day that ends before the next tick."""
        day = now.date()
        while day < then.date():
            last = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1) - MINUTE
            with self.world.store.snapshot() as connection:
                for group in due_groups(connection, last):
                    self.deferred[day, group.step_id] += group.due
            day += timedelta(days=1)

    def sent(self, since: datetime) -> Counts:
        """What really went, by UTC day and step."""
        rows = self.world.rows(
            "SELECT sent_at::DATE AS day, step_id, count(*) AS sent FROM message "
            "WHERE state = 'sent' AND sent_at >= $since GROUP BY ALL",
            since=since,
        )
        return Counter({(row["day"], row["step_id"]): row["sent"] for row in rows})
