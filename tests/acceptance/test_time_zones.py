"""Clock changes with `TZ` set: all times are UTC, so nothing goes early, late or twice (PAINS A22, A25, B4, B5)."""

import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.campaigns import START, World, enroll_into
from tests.integration.cli.conftest import xmit_process
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.model.clock import FixedClock, iso, parse_moment
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.outcomes import Answer
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store import invariants, senders, sequences, steps
from xmit_pipeline.store.connection import EmbeddedStore

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = [
    "Africa/Cairo", "America/Havana", "America/New_York", "America/Nuuk", "America/Santiago", "America/St_Johns",
    "Asia/Beirut", "Asia/Jerusalem", "Asia/Kolkata", "Australia/Lord_Howe", "Australia/Sydney", "Europe/Berlin",
    "Europe/Dublin", "Pacific/Auckland", "Pacific/Chatham",
]  # fmt: skip
UNITS = {DelayUnit.MINUTES: (MINUTE, 200), DelayUnit.HOURS: (HOUR, 50), DelayUnit.DAYS: (DAY, 3)}


def changes_of_2026(zone: str) -> list[datetime]:
    """The first whole half hour after each clock change."""
    there = ZoneInfo(zone)
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + number * HOUR / 2 for number in range(2 * 24 * 365)]
    return [
        later
        for earlier, later in pairwise(moments)
        if earlier.astimezone(there).utcoffset() != later.astimezone(there).utcoffset()
    ]


CHANGES = {zone: changes_of_2026(zone) or [datetime(2026, 3, 29, 1, tzinfo=UTC)] for zone in ZONES}
"""Kolkata changes nothing, and stands half an hour off; it must behave like the rest."""


@contextmanager
def local_zone(zone: str) -> Generator[None]:
    """This process lives there; its own zone comes back afterwards."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = zone
        time.tzset()
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@st.composite
def journeys(draw: st.DrawFn) -> tuple[str, datetime, list[tuple[int, DelayUnit]]]:
    """A zone, a moment up to three days before one of its changes, and delays that lead across it."""
    zone = draw(st.sampled_from(ZONES))
    enrolled = draw(st.sampled_from(CHANGES[zone])) - draw(st.integers(0, 3 * 24 * 60)) * MINUTE
    units = st.lists(st.sampled_from(list(UNITS)), min_size=1, max_size=3)
    return zone, enrolled, [(draw(st.integers(2, UNITS[unit][1])), unit) for unit in draw(units)]


class Counting:
    """A SendGrid that takes everything, and counts."""

    def __init__(self) -> None:
        self.posts = 0

    def post(self, body: bytes) -> Answer:  # noqa: ARG002
        self.posts += 1
        return Answer(202, provider_id="x")


def enroll_one(store: EmbeddedStore, enrolled: datetime, delays: list[tuple[int, DelayUnit]]) -> None:
    with store.transaction() as connection:
        domain = senders.add_domain(connection, "example.com", enrolled, verified=True)
        senders.add_sender(connection, domain, "hello@example.com", enrolled)
        sequence = sequences.create_sequence(connection, enrolled, name="s", trigger_type=TriggerType.MANUAL)
        for amount, unit in delays:
            steps.add_step(
                connection, sequence, enrolled, name="s", subject="Hi", body_html="<p>Hi</p>",
                delay_amount=amount, delay_unit=unit,
            )  # fmt: skip
        sequences.activate(connection, sequence, enrolled)
        [person] = connection.execute(
            "INSERT INTO contact (id, email, metadata, status, created_at, updated_at) "
            "VALUES (uuidv7(), 'a@example.net', '{}', 'active', $now, $now) RETURNING id",
            {"now": enrolled},
        ).fetchall()
        enroll_into(connection, sequence, [person[0]], enrolled)


@settings(max_examples=12)
@given(journey=journeys())
def test_delays_across_a_clock_change_are_kept_to_the_minute(
    journey: tuple[str, datetime, list[tuple[int, DelayUnit]]],
):
    """PAINS A22, A25, B4: 0 early, 0 late, 0 doubled, and the sequence comes to its end."""
    zone, enrolled, delays = journey
    due: list[datetime] = []
    for amount, unit in delays:
        due.append((due[-1] if due else enrolled) + amount * UNITS[unit][0])
    change = min(CHANGES[zone], key=lambda moment: abs(moment - enrolled))
    around = [change + number * HOUR / 2 for number in range(-1, 3)]
    ticks = sorted({*due, *(moment - MINUTE for moment in due), *around} - {enrolled})
    with local_zone(zone), tempfile.TemporaryDirectory(prefix="xmit-zone-") as folder:
        here = read_settings({"XMIT_HOME": folder, "SENDGRID_HOST": "http://127.0.0.1:9"})
        store, poster = EmbeddedStore(Path(folder) / "xmit.duckdb"), Counting()
        enroll_one(store, enrolled, delays)
        for now in ticks:
            run_tick(store, here, FixedClock(now), poster, now.isoformat())
            assert poster.posts == sum(moment <= now for moment in due)
        with store.snapshot() as connection:
            assert invariants.breaches(connection) == {}
            assert connection.execute("SELECT status FROM enrollment").fetchall() == [("completed",)]
        store.close()


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 02:30, the first of two
        ("America/New_York", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # 03:30, after a 02:30 that is not
    ],
)
def test_real_ticks_in_a_zone_send_once_and_on_time(world: World, zone: str, due: datetime):
    """PAINS A22: `xmit tick` as a process with TZ set: a minute early nothing, then one, an hour later nothing."""
    world.domain()
    world.enroll(world.sequence((1,)), world.people(1), due - DAY)
    world.store.close()
    sent: list[int] = []
    for now in (due - MINUTE, due, due + HOUR):
        said = xmit_process(
            "tick", "--json", "--now", now.isoformat(), TZ=zone, SENDGRID_HOST=world.sandbox.url
        )
        sent.append(orjson.loads(said.out)["sent"])
    assert sent == [0, 1, 0]
    assert list(world.delivered().values()) == [1]


@pytest.mark.parametrize("zone", ZONES)
def test_nine_in_the_morning_is_nine_in_both_seasons(zone: str):
    """PAINS B5: a local time that is given with its offset is that moment, whatever `TZ` says."""
    with local_zone(zone):
        for month in (1, 7):
            there = datetime(2026, month, 1, 9, tzinfo=ZoneInfo(zone))
            assert parse_moment(there.isoformat()) == there
            assert time.localtime(parse_moment(there.isoformat()).timestamp()).tm_hour == 9
            assert iso(parse_moment(there.isoformat())) == f"{there.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham"]
)
def test_schedules_keep_their_pace_through_both_changes(zone: str):
    """PAINS A22: each minute once, each night once, on the days when the clocks go back and forward."""
    schedules = {each.name: each for each in build_defs().get_repository_def().schedule_defs}
    with local_zone(zone):
        for change in CHANGES[zone]:
            for name, pace, count in (("every_minute", MINUTE, 26 * 60), ("every_night", DAY, 4)):
                start = (change - 1.5 * (DAY if pace == DAY else HOUR)).timestamp()
                times = schedule_execution_time_iterator(
                    start, str(schedules[name].cron_schedule), schedules[name].execution_timezone
                )
                moments = list(islice(times, count))
                assert {later - earlier for earlier, later in pairwise(moments)} == {pace}


def test_the_zones_change_their_clocks():
    """What this module rests on: the machine knows the zones, and `TZ` has an effect."""
    assert sum(len(changes_of_2026(zone)) for zone in ZONES) == 2 * (len(ZONES) - 1)
    with local_zone("Asia/Tokyo"):
        assert time.localtime(START.timestamp()).tm_hour == START.hour + 9
