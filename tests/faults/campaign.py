"""One seed's campaign under faults: blow by blow, each looked at, and at the end all the work is done."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.campaigns import START, World
from tests.faults import truth
from tests.faults.forking import Forks
from tests.faults.orders import TickEnd, TickOrder, Trap
from tests.faults.schedule import Blow, blows
from tests.faults.tally import Tally
from tests.faults.template import ENROLLED, POISON
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import sequences
from xmit_pipeline.store.suppressions import suppress
from xmit_pipeline.store.unknown import prove

WIRE = 8
"""Requests that a tick has under way at most."""
CALM_TICKS = 30
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


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
    latest: datetime = START - 365 * DAY
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
        if blow.suppressed:
            self._suppress(blow.suppressed, blow.moment)
        if blow.turned is not None:
            self._turn(blow.turned, blow.moment)
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
        no_last_words = end.killed or end.error or (blow.trap and blow.trap.kind == "full")
        lost = WIRE if no_last_words else 0
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

    def _suppress(self, email: str, now: datetime) -> None:
        """An operator's word, whatever a dead tick has left open."""
        with self.world.store.transaction() as connection:
            suppress(connection, email, SuppressionReason.MANUAL, now, source="test")

    def _turn(self, place: int, now: datetime) -> None:
        """Pause a sequence, or resume it where it is paused."""
        row = self.world.rows("SELECT id, status FROM sequence ORDER BY name")[place]
        move = sequences.pause if row["status"] == "active" else sequences.resume
        with self.world.store.transaction() as connection:
            move(connection, row["id"], now)

    def _calm(self) -> None:
        """Without faults the next ticks finish the work: nobody waits, and nobody is lost."""
        self.world.faults()
        moment = self.latest
        for row in self.world.rows("SELECT id FROM sequence WHERE status = 'paused'"):
            with self.world.store.transaction() as connection:
                sequences.resume(connection, row["id"], moment)
        for number in range(CALM_TICKS):
            moment += DAY if number % 10 == 5 else 16 * MINUTE
            self.world.change("UPDATE step SET held_at = NULL, hold_reason = NULL")
            # days that are jumped over count as downtime, and each puts a spread off again (SPEC 2)
            self.world.change("UPDATE enrollment SET not_before = NULL")
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
        assert statuses.get("completed", 0) + statuses.get("exited", 0) == ENROLLED, f"unfinished: {statuses}"
        first = self.world.rows("""
            SELECT message.state, count(*) AS n FROM message JOIN step ON step.id = message.step_id
            WHERE step.position = 1 GROUP BY message.state
        """)
        ended = {row["state"]: row["n"] for row in first}
        assert set(ended) <= {"sent", "failed", "unknown", "skipped"}, ended
        gone = self.world.rows("""
            SELECT count(*) AS n FROM enrollment
            WHERE status = 'exited' AND NOT exists (FROM message WHERE enrollment_id = enrollment.id)
        """)[0]["n"]  # before their first mail was due
        assert sum(ended.values()) + gone == ENROLLED, (
            f"sent + failed + unknown + skipped = enrolled: {ended}"
        )
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
