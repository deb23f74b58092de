"""One seed's campaign under faults: blow by blow, each looked at, and at the end all the work is done."""

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.campaigns import START, World, opened_world
from tests.faults import truth
from tests.faults.forking import Forks
from tests.faults.orders import TickEnd, TickOrder, Trap
from tests.faults.schedule import Blow, blows
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store import enrollments, sequences, steps
from xmit_pipeline.store.unknown import prove

SEQUENCES = 10
PEOPLE_AT_ONCE = 2
GROUPS = 14
"""Groups of people join minutes apart, so that every tick has something to send."""
GROUP_EVERY = timedelta(minutes=12)
STEPS_MINUTES = (0, 25)
DAY_TABLE = [60, 90, 2000]
WIRE = 8
"""Requests that a tick has under way at most."""
CALM_TICKS = 30
POISON = "someone1-0@example.net"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass
class Tally:
    """What many campaigns came to."""

    campaigns: int = 0
    blows: int = 0
    killed: int = 0
    by_trap: Counter[str] = field(default_factory=Counter)
    failed_ticks: int = 0
    requests_unknown: int = 0
    recovered: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    calm_ticks: int = 0

    def __str__(self) -> str:
        return (
            f"{self.campaigns} campaigns, {self.blows} blows, {self.killed} kills {dict(self.by_trap)}, "
            f"{self.failed_ticks} ticks failed on a full disk, {self.recovered} requests of dead ticks settled, "
            f"{self.requests_unknown} of unknown fate; {dict(self.messages)}, presumed sent though lost: {self.lost}"
        )


def build_template(home: Path, sandbox: RunningSandbox) -> None:
    """The campaign as it stands before the first tick; copied for each seed."""
    with opened_world(home, sandbox) as world:
        world.domain("warm.example", warmup_on=True, pacing=False, table=DAY_TABLE)
        free = world.domain("free.example")
        ids = [
            _sequence(world, number, world.sender_of(free) if number % 2 else None)
            for number in range(SEQUENCES)
        ]
        for group in range(GROUPS):
            people = world.people(PEOPLE_AT_ONCE, prefix=f"someone{group}-")
            with world.store.transaction() as connection:
                for sequence_id in ids:
                    at = START + group * GROUP_EVERY
                    enrollments.enroll_contacts(connection, sequence_id, people, at, "manual")


def _sequence(world: World, number: int, sender_id: Any) -> Any:
    with world.store.transaction() as connection:
        sequence_id = sequences.create_sequence(
            connection, START, name=f"s{number}", trigger_type=TriggerType.MANUAL, sender_id=sender_id
        )
        for place, delay in enumerate(STEPS_MINUTES):
            steps.add_step(
                connection, sequence_id, START, name=f"s{number} step {place}", subject="Hi {{ firstName }}",
                body_html="<p>Hello</p>", delay_amount=delay, delay_unit=DelayUnit.MINUTES,
            )  # fmt: skip
        sequences.activate(connection, sequence_id, START)
    return sequence_id


@dataclass
class Campaign:
    """One seed at work."""

    world: World
    forks: Forks
    seed: int
    tally: Tally
    tick_seconds: float
    tick_lines: int
    through: str = "run_tick"
    struck: float = 0.75
    ticks: int = 0
    latest: datetime = START - DAY
    boot: str = ""
    excused: set[str] = field(default_factory=set)
    """Requests that were inflight when the power was cut: unknown, whatever the journal says."""
    wire: set[str] = field(default_factory=set)

    def run(self, count: int) -> None:
        """All blows, then calm; every failure names the seed, and what was done."""
        blow = None
        try:
            for blow in blows(self.seed, count, struck=self.struck):
                end = self._strike(blow)
                self._judge(blow, end)
            blow = None
            self._calm()
        except AssertionError as error:
            told = f"seed {self.seed}, tick {self.ticks}: {blow}"
            raise AssertionError(f"{error}\n{told}") from error

    def _strike(self, blow: Blow) -> TickEnd:
        poison = {"kind": "refuse_address", "address": POISON, "named": self.seed % 2 == 0}
        self.world.faults(*blow.answers, poison)
        self.boot = blow.boot
        if blow.power_cut:
            self._lose_tail()
        if blow.events:
            self._tell_events(blow.moment)
        return self._tick(blow.moment, blow.stride, self._fitted(blow), self.through)

    def _tick(
        self, moment: datetime, stride: float = 0.0, trap: Trap | None = None, through: str = "run_tick"
    ) -> TickEnd:
        self.ticks += 1
        self.world.store.close()
        return self.forks.tick(
            TickOrder(
                home=str(self.world.settings.home), host=self.world.sandbox.url, moment=moment, stride=stride,
                tick_id=f"{self.seed}-{self.ticks}", trap=trap, boot=self.boot,
                policy=self.world.settings.unknown_policy.value, through=through,
            )
        )  # fmt: skip

    def _fitted(self, blow: Blow) -> Trap | None:
        """The trap with its place in a tick of this machine."""
        if blow.trap is None:
            return None
        nth = max(int(blow.share * self.tick_lines), 1) if blow.trap.kind == "line" else blow.trap.nth
        return replace(blow.trap, nth=nth, seconds=blow.share * self.tick_seconds)

    def _judge(self, blow: Blow, end: TickEnd) -> None:
        self.tally.blows += 1
        self.tally.killed += end.killed
        self.tally.recovered += end.recovered
        if end.killed and blow.trap:
            self.tally.by_trap[blow.trap.kind] += 1
        if end.error:
            assert blow.trap is not None, end.error
            assert blow.trap.kind == "full", end.error
            self.tally.failed_ticks += 1
        if blow.moment < self.latest and not end.killed and not end.error:
            assert end.counts.get("claimed", 0) == 0, "a clock set back has sent"
            assert "reconcile" in end.note or self.through == "xmit tick", end.note
        truth.look(self.world)
        self._judge_wire(blow, end)
        [row] = self.world.rows("SELECT max(moment) AS moment FROM tick WHERE NOT superseded")
        self.latest = row["moment"] or self.latest

    def _judge_wire(self, blow: Blow, end: TickEnd) -> None:
        """Unknown is only what was on the wire: never more than its answers leave open, and a death's eight."""
        before, self.wire = self.wire, truth.unanswered(self.world)
        lost = WIRE if end.killed or end.error else 0
        assert len(self.wire - before) <= blow.perhaps + lost, "more on the wire than eight at a time"
        self._judge_unknown()

    def _judge_unknown(self) -> None:
        stray = truth.unknown(self.world) - self.wire - self.excused
        assert stray == set(), f"unknown, though never on the wire without an answer: {stray}"

    def _lose_tail(self) -> None:
        """Power was cut: journal lines that nobody forced to the disk are gone."""
        for path in sorted(self.world.settings.journal.glob("*.jsonl"))[-1:]:
            lines = path.read_bytes().split(b"\n")
            while lines and b'"accepted"' in lines[-1]:
                lines.pop()
            path.write_bytes(b"\n".join(lines))
        self.excused |= truth.inflight(self.world)
        self.wire = truth.unanswered(self.world)

    def _tell_events(self, now: datetime) -> None:
        """SendGrid's events prove whatever it has accepted, settled or not."""
        for request in truth.accepted_requests(self.world):
            with self.world.store.transaction() as connection:
                connection.execute(
                    "CREATE OR REPLACE TEMP TABLE proof AS SELECT $id::UUID AS request_id",
                    {"id": parse_id(Kind.REQUEST, request)},
                )
                prove(connection, now)

    def _calm(self) -> None:
        """Without faults the next ticks finish the work: nobody waits, and nobody is lost."""
        self.world.faults()
        moment = self.latest
        for number in range(CALM_TICKS):
            moment += DAY if number % 10 == 5 else 16 * MINUTE
            self.world.change("UPDATE step SET held_at = NULL, hold_reason = NULL")
            end = self._tick(moment)
            assert not end.killed
            assert end.error == "", end.error
            seen = truth.look(self.world)
            self._judge_unknown()
            self.tally.calm_ticks += 1
            if number == 0:
                assert seen["states"]["claimed"] == 0, "the next tick has not settled what a dead one left"
            if not self.world.rows("SELECT 1 FROM enrollment WHERE status = 'active' LIMIT 1"):
                break
        self._judge_end()

    def _judge_end(self) -> None:
        truth.within_quota(self.world)
        statuses = {row["status"]: row["n"] for row in self.world.rows(
            "SELECT status, count(*) AS n FROM enrollment GROUP BY status")}  # fmt: skip
        enrolled = SEQUENCES * PEOPLE_AT_ONCE * GROUPS
        assert statuses.get("completed", 0) + statuses.get("exited", 0) == enrolled, f"unfinished: {statuses}"
        first = self.world.rows("""
            SELECT message.state, count(*) AS n FROM message JOIN step ON step.id = message.step_id
            WHERE step.position = 1 GROUP BY message.state
        """)
        ended = {row["state"]: row["n"] for row in first}
        assert set(ended) <= {"sent", "failed", "unknown", "skipped"}, ended
        assert sum(ended.values()) == enrolled, f"sent + failed + unknown + skipped = enrolled: {ended}"
        self._count_end()

    def _count_end(self) -> None:
        accepted = self.world.delivered()
        rows = self.world.rows("SELECT 'msg_' || id_suffix(id) AS id, state, presumed FROM message")
        self.tally.campaigns += 1
        self.tally.messages.update(row["state"] for row in rows)
        self.tally.lost += sum(row["presumed"] and row["id"] not in accepted for row in rows)
        [row] = self.world.rows(
            "SELECT count(*) AS n FROM request WHERE state = 'unknown' OR decided IS NOT NULL"
        )
        self.tally.requests_unknown += row["n"]


def copied(template: Path, home: Path) -> Path:
    """A fresh home for one seed."""
    shutil.copytree(template, home)
    return home
