"""While SendGrid is in trouble one message tries, at growing intervals, and the rest waits (SPEC 6.5, 6.6)."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import WallClock

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def crowd(world: World) -> World:
    """Thirty sequences with one person due in each: thirty requests."""
    world.domain()
    people = world.people(1)
    for number in range(30):
        world.enroll(world.sequence(name=f"s{number}"), people)
    return world


def states(world: World) -> dict[str, int]:
    rows = world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


AN_HOUR = (0, 1, 2, 3, 5, 6, 7, 14, 15, 29, 30, 31, 44, 45, 46, 59)
"""Minutes with a tick: each at which a probe is due, and neighbours at which none is."""


def ticks(world: World, minutes: Sequence[int]) -> list[str]:
    """Ticks at these minutes; the notes they ended with."""
    return [world.tick(START + minute * MINUTE).report.note or "" for minute in minutes]


def posts(world: World) -> int:
    return world.sandbox.mailbox.stats()["requests"]


def test_an_outage_leaves_three_requests_and_a_few_probes(crowd: World):
    """SPEC 6.6: an hour of 500 is 3 requests and 6 probes (after 1, 2, 4, 8, 15, 15 minutes), not 30."""
    crowd.faults({"kind": "status", "status": 500, "count": 1000})
    ticks(crowd, AN_HOUR)
    assert states(crowd) == {"unknown": 3 + 6, "waiting": 30 - 3 - 6}


def test_a_success_closes_and_the_same_tick_goes_on(crowd: World):
    crowd.faults({"kind": "status", "status": 500, "count": 3})
    ticks(crowd, [0])
    assert len(crowd.rows("SELECT 1 FROM circuit WHERE closed_at IS NULL")) == 1
    result = crowd.tick(START + MINUTE)
    assert result.counts["sent"] == 27
    assert crowd.rows("SELECT closed_at FROM circuit") == [{"closed_at": START + MINUTE}]


def test_unknown_in_a_row_counts_over_ticks(world: World):
    """One mail a minute: the third unknown fate stops the sending, not each minute's first."""
    world.domain()
    sequence = world.sequence()
    people = world.people(10)
    world.faults({"kind": "status", "status": 502, "count": 100})
    for number, person in enumerate(people):
        moment = START + number * MINUTE
        world.enroll(sequence, [person], moment)
        world.tick(moment)
    assert states(world)["unknown"] <= 3 + 3


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_a_refusal_of_everything_is_one_post_a_probe(crowd: World, status: int):
    """No storm: within an hour a handful of posts; nothing is unknown, nothing lost."""
    before = posts(crowd)
    crowd.faults({"kind": "status", "status": status, "count": 1000})
    notes = ticks(crowd, AN_HOUR)
    assert posts(crowd) - before <= 3 + 7
    assert states(crowd) == {"waiting": 30} or states(crowd) == {}
    assert all(note.startswith("Sending has stopped since 2026-03-02T09:30:00Z") for note in notes)
    crowd.faults()
    crowd.tick(START + DAY)
    assert states(crowd) == {"sent": 30}
    assert set(crowd.delivered().values()) == {1}


def test_each_opening_alerts_once(crowd: World):
    crowd.faults({"kind": "status", "status": 401, "count": 1000})
    alerts = [crowd.tick(START + number * MINUTE).report.alert for number in range(4)]
    assert [alert is not None for alert in alerts] == [True, False, False, False]


def test_the_time_that_sendgrid_asks_for_is_waited(crowd: World):
    """`Retry-After` of ten minutes: nothing is posted for ten minutes."""
    crowd.faults({"kind": "status", "status": 429, "count": 1, "headers": {"Retry-After": "600"}})
    ticks(crowd, [0])
    before = posts(crowd)
    ticks(crowd, [1, 5, 9])
    assert posts(crowd) == before
    crowd.tick(START + 10 * MINUTE)
    assert states(crowd) == {"sent": 30}


def test_a_short_trouble_is_waited_out_inside_a_tick(crowd: World):
    """With the wall clock a tick waits, tries with one message, and goes on: a new request each time."""
    crowd.faults({"kind": "status", "status": 503, "count": 4})
    result = run_tick(crowd.store, crowd.settings, WallClock(), Mailer(crowd.sendgrid), "patient")
    assert result.counts["sent"] == 30
    assert crowd.rows("SELECT count(*) AS n FROM circuit") == [{"n": 0}]
    assert set(crowd.delivered().values()) == {1}


def test_an_unknown_fate_after_a_wait_is_enough(crowd: World):
    """What tries again after a 503 is one message: 503 and 500 by turns leave one unknown, not two a wait."""
    crowd.faults(
        {"kind": "status", "status": 503, "count": 3}, {"kind": "status", "status": 500, "count": 1000}
    )
    result = run_tick(crowd.store, crowd.settings, WallClock(), Mailer(crowd.sendgrid), "patient")
    assert result.counts["unknown"] == 1
    assert crowd.rows("SELECT cause FROM circuit WHERE closed_at IS NULL") == [{"cause": "unanswered"}]


def test_posts_that_fail_on_this_machine_open_the_circuit(crowd: World):
    """A key that no header can hold: three requests of unknown fate, and not a window each minute."""
    sendgrid = SendGrid(key="\N{LEFT DOUBLE QUOTATION MARK}SG.x", host=crowd.sandbox.url, connections=8)
    result = run_tick(crowd.store, crowd.settings, WallClock(), Mailer(sendgrid), "broken")
    assert result.counts["unknown"] == 3
    assert "latin-1" in (result.report.note or "")


def test_a_held_sender_is_probed_once_an_hour(world: World):
    """SPEC 6.5: one message an hour; the first that is taken frees it."""
    domain = world.domain()
    world.enroll(world.sequence(), world.people(50))
    world.faults({"kind": "unverified_sender", "sender": "hello@example.com"})
    world.tick(START)
    assert len(world.rows("SELECT 1 FROM sender WHERE held_at IS NOT NULL")) == 1
    claimed = [world.tick(START + number * 30 * MINUTE).counts["claimed"] for number in range(1, 7)]
    assert claimed == [0, 1] * 3
    world.faults()
    assert world.tick(START + 4 * timedelta(hours=1)).counts["sent"] == 50
    assert world.rows("SELECT held_at FROM sender WHERE domain_id = $domain", domain=domain) == [
        {"held_at": None}
    ]


def test_a_day_of_refusals_is_sent_after_in_order(world: World):
    """PAINS C3: a day of 429 and 503, then everything goes, the longest overdue first, within quota."""
    world.domain(warmup_on=True, start=30, target=30, pacing=False)
    sequence = world.sequence()
    people = world.people(60)
    for number, person in enumerate(people):
        world.enroll(sequence, [person], START - (60 - number) * MINUTE)
    for number in range(12):
        world.faults({"kind": "status", "status": 429 if number % 2 else 503, "count": 50})
        world.tick(START + number * 2 * timedelta(hours=1))
    world.faults()
    world.tick(START + DAY + 20 * MINUTE)
    world.tick(START + 2 * DAY)
    sent = world.rows("SELECT due_at FROM message WHERE state = 'sent' ORDER BY sent_at, due_at")
    assert len(sent) == 60
    assert [row["due_at"] for row in sent] == sorted(row["due_at"] for row in sent)
    assert set(world.delivered().values()) == {1}


def test_the_tick_says_when_the_next_try_is(crowd: World):
    """SPEC 6.5: the circuit is kept in the store, with its words."""
    crowd.faults({"kind": "status", "status": 401, "count": 1})
    crowd.tick(START)
    assert crowd.rows("SELECT cause, opened_at, failures, probe_at FROM circuit") == [
        {"cause": "credentials", "opened_at": START, "failures": 1, "probe_at": START + MINUTE}
    ]
