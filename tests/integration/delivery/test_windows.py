"""A claim goes out window by window: what is broken, stopped or late meanwhile stays behind, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from uuid import UUID

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery import window
from xmit_pipeline.delivery.brake import POSTS_AT_A_TIME
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.outcomes import Answer
from xmit_pipeline.store import invariants, sequences, warmup
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.holds import hold_sender, hold_step
from xmit_pipeline.store.last_look import HOLD_AT_LEAST
from xmit_pipeline.store.wish_files import note_way_out

MINUTE = timedelta(minutes=1)
WHOLE = "{% assign name = firstName %}<p>Hello {{ name }}</p>"
FAILING_WHOLE = "{% assign parts = company | split: ' ' %}<p>{{ 10 | modulo: parts[1] }}</p>"


def states(world: World) -> dict[str, int]:
    rows = world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


class Interrupted:
    """The real mailer; at its `nth` post something happens first."""

    def __init__(self, world: World, nth: int, deed: Callable[[], None]) -> None:
        self._mailer = Mailer(world.sendgrid, {"X-Sandbox-Now": START.isoformat()})
        self._nth, self._deed = nth, deed
        self._counting = Lock()
        self.posts = 0

    def post(self, body: bytes) -> Answer:
        with self._counting:
            self.posts += 1
            mine = self.posts
        if mine == self._nth:
            self._deed()
        return self._mailer.post(body)


def tick_through(world: World, poster: Interrupted) -> dict[str, int]:
    result = run_tick(world.store, world.settings, FixedClock(START), poster, "interrupted")
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
    return result.counts


# what can't be rendered


def test_markup_that_no_parser_knows_is_sent(world: World):
    """A browser takes `<![x]>` for a comment, and so do we: no step stops all mail by it."""
    world.domain()
    world.enroll(world.sequence(body="<![x]><p>Hi</p>"), world.people(2))
    assert world.tick(START).counts["sent"] == 2


@pytest.mark.parametrize("people", [1, 30])
def test_a_broken_step_is_held_and_stops_nobody(world: World, people: int):
    """SPEC 5: one step's fault is that step's; its people wait, skipped is nobody, the other sequence is sent."""
    world.domain()
    good, bad = world.sequence(name="good"), world.sequence(name="bad", body="<p>Broken</p>")
    contacts = world.people(people)
    world.enroll(good, contacts)
    world.enroll(bad, contacts)
    world.change("UPDATE step SET body_html = '{% endif %}' WHERE body_html = '<p>Broken</p>'")
    assert world.tick(START).counts["sent"] == people
    assert states(world) == {"sent": people, "waiting": people}
    [held] = world.rows("SELECT hold_reason FROM step WHERE held_at IS NOT NULL")
    assert held["hold_reason"].startswith("render_error: The step can't be rendered until this is corrected:")
    assert world.tick(START + MINUTE).counts["claimed"] == 0
    world.change("UPDATE step SET body_html = '<p>Fine</p>', held_at = NULL WHERE held_at IS NOT NULL")
    world.tick(START + 2 * MINUTE)
    world.tick(START + 70 * MINUTE)
    assert states(world) == {"sent": 2 * people}
    assert set(world.delivered().values()) == {1}


def test_failures_are_counted_over_the_windows(world: World, monkeypatch: pytest.MonkeyPatch):
    """SPEC 5: a step of which every other whole mail fails is held, however small the windows."""
    monkeypatch.setattr(window, "REQUESTS", 10)
    world.domain()
    rows = [
        {
            "email": f"p{number}@example.net",
            "metadata": {"company": "Co 3" if number % 2 else "Co 0"},
        }
        for number in range(100)
    ]
    world.enroll(world.sequence(body=FAILING_WHOLE), world.contacts(rows))
    world.tick(START)
    [held] = world.rows("SELECT hold_reason FROM step WHERE held_at IS NOT NULL")
    assert "failed to render; The HTML body did not render" in held["hold_reason"]
    left = states(world)
    assert left["skipped"] < HOLD_AT_LEAST
    assert left["waiting"] >= 40


def test_a_window_ends_with_its_bytes(world: World, monkeypatch: pytest.MonkeyPatch):
    """No more whole mail is in memory than a window holds, and everybody gets theirs."""
    monkeypatch.setattr(window, "WHOLE_BYTES", 2_000)
    world.domain()
    world.enroll(world.sequence(body=WHOLE), world.people(12))
    assert world.tick(START).counts["sent"] == 12
    assert sorted(world.delivered().values()) == [1] * 12


# what is stopped


def ids(connection: Connection, table: str) -> list[UUID]:
    return [row[0] for row in connection.execute(f"SELECT id FROM {table}").fetchall()]  # noqa: S608


def pause_sequence(world: World) -> None:
    with world.store.transaction() as connection:
        [row] = ids(connection, "sequence")
        sequences.pause(connection, row, START)


def pause_domain(world: World) -> None:
    with world.store.transaction() as connection:
        [row] = ids(connection, "domain")
        warmup.pause(connection, row, START, "health critical")


def hold_the_step(world: World) -> None:
    with world.store.transaction() as connection:
        [row] = ids(connection, "step")
        hold_step(connection, str(row), START, "by hand")


def hold_the_sender(world: World) -> None:
    with world.store.transaction() as connection:
        [row] = ids(connection, "sender")
        hold_sender(connection, str(row), START, "by hand")


STOPS = {
    "sequence paused": pause_sequence,
    "domain paused": pause_domain,
    "step held": hold_the_step,
    "sender held": hold_the_sender,
}


@pytest.mark.parametrize("stop", STOPS)
def test_what_is_stopped_amid_a_window_stays(world: World, stop: str):
    """SPEC 4, 6.4: after the sign only what was on the wire has left; the others wait, and nobody exits."""
    world.domain(warmup_on=True, pacing=False, table=[1000], hold_target=True)
    world.enroll(world.sequence(body=WHOLE), world.people(60))

    at_the_sign: list[int] = []

    def deed() -> None:
        STOPS[stop](world)
        note_way_out(world.settings.home)
        at_the_sign.append(poster.posts)

    poster = Interrupted(world, 10, deed)
    counts = tick_through(world, poster)
    assert 10 <= counts["sent"] == poster.posts <= at_the_sign[0] + POSTS_AT_A_TIME
    assert states(world) == {"sent": counts["sent"], "waiting": 60 - counts["sent"]}


def test_what_gives_no_sign_is_seen_by_the_next_window(world: World, monkeypatch: pytest.MonkeyPatch):
    """SPEC 6.4: each window has a last look of its own."""
    monkeypatch.setattr(window, "REQUESTS", 8)
    world.domain()
    world.enroll(world.sequence(body=WHOLE), world.people(60))
    counts = tick_through(world, Interrupted(world, 10, lambda: pause_sequence(world)))
    assert counts["sent"] == 16
    assert states(world) == {"sent": 16, "waiting": 44}


# what is late


def test_a_late_tick_posts_a_little_and_gives_back(world: World, monkeypatch: pytest.MonkeyPatch):
    """What a tick has no time for is due as it was: not lost, not counted, and sent once by the next."""
    monkeypatch.setattr(window, "REQUESTS", 10)
    world.domain()
    world.enroll(world.sequence(body=WHOLE), world.people(60))
    patient, world.settings = world.settings, replace(world.settings, tick_budget_seconds=0)
    late = world.tick(START)
    assert late.report.note == "The tick's time is up; the next one goes on."
    assert 1 <= late.report.sent <= POSTS_AT_A_TIME
    assert late.report.released == 60 - late.report.sent
    assert world.rows("SELECT DISTINCT due_at FROM enrollment WHERE due_at IS NOT NULL") == [
        {"due_at": START}
    ]
    world.settings = patient
    world.tick(START + MINUTE)
    assert sorted(world.delivered().values()) == [1] * 60
