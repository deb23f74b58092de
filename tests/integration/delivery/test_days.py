"""A day on which SendGrid serves nobody, and the days after: what docs/guarantees.md promises (SPEC 6.5, 6.6, 9)."""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from tests.campaigns import START, World
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.delivery import transport
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.store.unknown import prove, unknown_requests

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
READ_SECONDS, HANG_SECONDS = 1.5, 2.5
SEQUENCES, PEOPLE = 6, 10
DAY_LIMIT = 30
LONGEST = 300
"""A sentence, in characters."""


@dataclass(frozen=True)
class Trouble:
    """What the sink does to every call, and whether it takes the mail all the same."""

    fault: dict[str, Any]
    perhaps: bool
    taken: bool = False


MIXED = (
    Trouble({"kind": "status", "status": 500}, perhaps=True),
    Trouble({"kind": "status", "status": 503}, perhaps=False),
    Trouble({"kind": "hang", "seconds": HANG_SECONDS, "accept": True}, perhaps=True, taken=True),
    Trouble({"kind": "status", "status": 500, "accept": True}, perhaps=True, taken=True),
    Trouble({"kind": "hang", "seconds": HANG_SECONDS}, perhaps=True),
    Trouble({"kind": "status", "status": 503}, perhaps=False),
    Trouble({"kind": "reset", "when": "after"}, perhaps=True, taken=True),
    Trouble({"kind": "reset", "when": "before"}, perhaps=True),
)
PROBES = MIXED[1:]


@pytest.fixture
def crowd(world: World) -> World:
    """Six sequences of ten people each, of whom half came due after the others; a domain with thirty places a day."""
    world.domain(warmup_on=True, start=DAY_LIMIT, target=DAY_LIMIT, pacing=False)
    for number in range(SEQUENCES):
        sequence, people = world.sequence(name=f"s{number}"), world.people(PEOPLE, prefix=f"s{number}-")
        for half, hours in ((people[::2], 2), (people[1::2], 1)):
            world.enroll(sequence, half, START - hours * HOUR)
    return world


@contextmanager
def impatient(world: World) -> Generator[None]:
    """Ticks that wait for an answer for a second or two, not for half a minute."""
    patient = world.sendgrid
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "READ_SECONDS", READ_SECONDS)
        world.sendgrid = transport.SendGrid(key="SG.test", host=world.sandbox.url, connections=8)
    try:
        yield
    finally:
        world.sendgrid.close()
        world.sendgrid = patient


def suffer(world: World, troubles: Sequence[Trouble]) -> list[str]:
    """A tick each two hours, every call of it in this trouble; the notes that they ended with."""
    notes: list[str] = []
    for number, trouble in enumerate(troubles):
        world.faults({**trouble.fault, "count": 1000})
        with impatient(world):
            result = world.tick(START + 2 * number * HOUR)
        notes.append(result.report.note or "")
        assert (result.report.alert is not None) == (number == 0)
    world.faults()
    return notes


def recover(world: World, days: int = 4) -> None:
    """SendGrid serves again: what waits goes on the days after, in order, within each day's places."""
    for day in range(1, days + 1):
        for minutes in (1, 90):
            world.tick(START + day * DAY + timedelta(hours=1, minutes=minutes))
    by_day = world.sandbox.mailbox.stats()["byDay"]
    assert max(by_day.values()) <= DAY_LIMIT


def fates(world: World) -> dict[str, int]:
    """In messages: sent (by SendGrid's word), unknown or presumed, lost and doubled by the sink's."""
    taken = world.delivered()
    rows = world.rows("SELECT 'msg_' || id_suffix(id) AS id, state, presumed FROM message")
    return {
        "sent": sum(row["state"] == "sent" and not row["presumed"] for row in rows),
        "presumed": sum(row["presumed"] for row in rows),
        "waiting": sum(row["state"] not in ("sent", "unknown") for row in rows),
        "lost": sum(row["id"] not in taken for row in rows),
        "doubled": sum(times > 1 for times in taken.values()),
    }


def in_order(world: World) -> bool:
    """In each sequence the longest overdue went first, of those that waited for the trouble's end."""
    rows = world.rows(
        """
        SELECT max(due_at) OVER earlier > due_at AS overtaken FROM message
        WHERE state = 'sent' AND sent_at >= $since
        WINDOW earlier AS (PARTITION BY sequence_id ORDER BY sent_at RANGE BETWEEN UNBOUNDED PRECEDING
            AND INTERVAL 1 SECOND PRECEDING)
        """,
        since=START + DAY,
    )
    return not any(row["overtaken"] for row in rows)


AT_THE_START = 3
"""Requests: what an outage at the start of a tick leaves unknown."""
PERHAPS_PROBES = sum(trouble.perhaps for trouble in PROBES)
TAKEN_PROBES = sum(trouble.taken for trouble in PROBES)
EVERYBODY = SEQUENCES * PEOPLE
UNKNOWN = AT_THE_START * DAY_LIMIT // SEQUENCES + PERHAPS_PROBES
"""In messages: the sequences share the day's places, and each is a request; a probe is one message."""


def test_a_mixed_day_under_presume_sent(crowd: World):
    """Three requests and the probes of unknown fate; what of them was not taken is lost; nobody is doubled."""
    suffer(crowd, MIXED)
    assert crowd.rows("SELECT count(*) AS n FROM message WHERE state = 'unknown'") == [{"n": UNKNOWN}]
    assert crowd.rows("SELECT count(*) AS n FROM request WHERE state = 'unknown'") == [
        {"n": AT_THE_START + PERHAPS_PROBES}
    ]
    recover(crowd)
    assert fates(crowd) == {
        "sent": EVERYBODY - UNKNOWN,
        "presumed": UNKNOWN,
        "waiting": 0,
        "lost": UNKNOWN - TAKEN_PROBES,
        "doubled": 0,
    }
    assert in_order(crowd)


def test_a_mixed_day_under_resend(crowd: World):
    """The same day: nobody is lost, and whoever was taken without an answer is doubled."""
    crowd.settings = replace(crowd.settings, unknown_policy=UnknownPolicy.RESEND)
    suffer(crowd, MIXED)
    recover(crowd)
    assert fates(crowd) == {
        "sent": EVERYBODY,
        "presumed": 0,
        "waiting": 0,
        "lost": 0,
        "doubled": TAKEN_PROBES,
    }


def test_an_outage_amid_a_tick_costs_those_on_the_wire(world: World):
    """SPEC 6.6: at the start three requests, amid a tick those under way, eight at most; the rest waits."""
    world.domain()
    people = world.people(2)
    for number in range(40):
        world.enroll(world.sequence(name=f"s{number}"), people)
    world.faults(
        {"kind": "delay", "seconds": 0, "count": 12}, {"kind": "reset", "when": "after", "count": 100}
    )
    world.tick(START)
    assert world.rows("SELECT count(*) AS n FROM request WHERE state = 'accepted'") == [{"n": 12}]
    [unknown] = world.rows("SELECT count(*) AS n FROM request WHERE state = 'unknown'")
    assert 3 <= unknown["n"] <= 8
    waiting = world.rows("SELECT count(*) AS n FROM message WHERE state = 'waiting'")
    assert waiting == [{"n": 2 * (40 - 12 - unknown["n"])}]


def test_a_probe_is_one_message_whatever_came_before(crowd: World):
    """SPEC 6.6: a 503 between answers of unknown fate gives the next probe no second and third try."""
    suffer(crowd, [Trouble({"kind": "status", "status": status}, perhaps=True) for status in (500, 503, 500)])
    probed = crowd.rows(
        "SELECT count(*) AS n FROM message WHERE state = 'unknown' AND sent_at > $at", at=START
    )
    assert probed == [{"n": 1}]


def test_events_after_a_mixed_day_take_the_doubt_away(crowd: World):
    """With SendGrid's events nobody is doubled under `resend`, and under both policies all that was taken is sent."""
    crowd.settings = replace(crowd.settings, unknown_policy=UnknownPolicy.RESEND)
    suffer(crowd, MIXED)
    tell_events(crowd, START + 16 * HOUR)
    recover(crowd)
    assert fates(crowd) == {"sent": EVERYBODY, "presumed": 0, "waiting": 0, "lost": 0, "doubled": 0}


def tell_events(world: World, now: datetime) -> None:
    """SendGrid's events of all that it has taken have come in."""
    requests = {mail.custom_args["xmit_request"] for mail in world.sandbox.mailbox.page(limit=1000).mails}
    for request in sorted(requests):
        with world.store.transaction() as connection:
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE proof AS SELECT $id::UUID AS request_id",
                {"id": parse_id(Kind.REQUEST, request)},
            )
            prove(connection, now)


def test_a_day_of_refusals_leaves_nothing_unknown(crowd: World):
    """PAINS C3: 429, 503 and no connection all day: nothing is unknown, lost or doubled, all goes after, in order."""
    suffer(crowd, [Trouble({"kind": "status", "status": status}, perhaps=False) for status in (429, 503) * 6])
    assert crowd.rows("SELECT 1 FROM message WHERE state <> 'waiting'") == []
    recover(crowd, days=3)
    assert fates(crowd) == {"sent": EVERYBODY, "presumed": 0, "waiting": 0, "lost": 0, "doubled": 0}
    assert in_order(crowd)


def test_a_503_that_took_the_mail_doubles_and_is_shown(crowd: World):
    """The limit of the promise: 503 is taken as not sent. A proof that comes later is shown as accepted twice."""
    crowd.faults(
        {"kind": "status", "status": 503, "accept": True}, {"kind": "status", "status": 503, "count": 99}
    )
    crowd.tick(START)
    assert crowd.rows("SELECT DISTINCT state FROM message") == [{"state": "waiting"}]
    first = set(crowd.delivered())
    crowd.faults()
    recover(crowd, days=3)
    doubled = {message for message, times in crowd.delivered().items() if times > 1}
    assert doubled == first
    tell_events(crowd, START + 3 * DAY)
    with crowd.store.snapshot() as connection:
        assert sum(row["accepted_twice"] for row in unknown_requests(connection)) == len(first)


def test_a_day_of_trouble_is_a_sentence_a_tick(crowd: World):
    """No storm: one line a tick, that says since when, why, and when it is tried again; one alert in all."""
    notes = suffer(crowd, MIXED)
    for note in notes:
        assert note.startswith("Sending has stopped since 2026-03-02T09:30:00Z: ")
        assert "One message tries again at " in note
        assert "\n" not in note
        assert len(note) < LONGEST


def test_trouble_writes_one_line_into_the_run(crowd: World, monkeypatch: pytest.MonkeyPatch):
    """In Dagster's log: an error where the circuit opens, then a warning a tick; not one a request."""
    monkeypatch.setenv("SENDGRID_HOST", crowd.sandbox.url)
    crowd.faults({"kind": "status", "status": 503, "count": 1000})
    levels = [loud_lines(crowd, START + minutes * MINUTE) for minutes in (0, 1, 2)]
    assert levels == [[logging.ERROR], [logging.WARNING], [logging.WARNING]]


def loud_lines(world: World, moment: datetime) -> list[int]:
    """The levels of whatever one run says aloud; each such line is the circuit's sentence."""
    world.store.close()
    config = {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "resources": {"clock": {"config": {"now": moment.isoformat()}}},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs().resolve_job_def("tick")
        run = job.execute_in_process(run_config=config, instance=instance)
        loud = [entry for entry in instance.all_logs(run.run_id) if int(entry.level) >= logging.WARNING]
    assert all(entry.user_message.startswith("Sending has stopped since") for entry in loud)
    return [int(entry.level) for entry in loud]
