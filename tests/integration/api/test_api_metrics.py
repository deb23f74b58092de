"""`/metrics`: true figures in a form that Prometheus reads, cheap and only for who has a key (SPEC 8)."""

import re
from typing import cast

import pytest
from fastapi import FastAPI

from tests.integration.api.client import START, Api
from xmit_pipeline.api.exposition import Exposition
from xmit_pipeline.api.figures import BUCKETS, Figures
from xmit_pipeline.api.glance import Glance
from xmit_pipeline.api.metrics_page import vitals_of
from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.store import ticks, warmup
from xmit_pipeline.store.keys import KeyScope, create_key
from xmit_pipeline.store.senders import domains
from xmit_pipeline.store.vitals import Vitals, read_vitals

SAMPLE = re.compile(r"([a-z_]+)(\{(?:[a-z]+=\"(?:[^\"\\]|\\.)*\",?)+\})? (\S+)")


def scrape(api: Api) -> dict[str, float]:
    """Each sample's name with labels, and its number; every line must be one of the format's three kinds."""
    app = cast(FastAPI, api.client.app)
    app.state.vitals = vitals_of(api.store, api.clock)
    text = api.get("/metrics").text
    samples: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith(("# HELP ", "# TYPE ")):
            found = SAMPLE.fullmatch(line)
            assert found, line
            samples[f"{found[1]}{found[2] or ''}"] = float(found[3])
    return samples


def two_due(api: Api) -> str:
    """Two people due at once in a new sequence."""
    sequence = api.new_active()
    people = [api.new_contact(f"p{n}@example.org") for n in range(2)]
    api.made(f"/api/sequences/{sequence}/enroll", {"contactIds": people})
    return sequence


def test_key_of_any_scope_is_wanted(api: Api) -> None:
    """How much mail goes out is nobody else's business."""
    with api.store.transaction() as connection:
        reader = create_key(connection, "prometheus", START, KeyScope.READ)
    codes = [
        api.client.get("/metrics", headers={"Authorization": given}).status_code
        for given in ("", "Bearer pm_live_wrong")
    ]
    assert codes == [401, 401]
    wait_until_known(api, reader)


def wait_until_known(api: Api, key: str) -> None:
    """A new key works within the half second for which known keys are kept."""
    for _ in range(1000):
        if api.client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200:
            return
    raise AssertionError("the key was never taken")


def test_store_figures_are_true(api: Api) -> None:
    """Due, overdue, enrollments and the last tick, as the store has them."""
    two_due(api)
    with api.store.transaction() as connection:
        ticks.start_tick(connection, "t", START, START, simulated=True)
        counts = {"claimed": 5, "sent": 4, "skipped": 1, "failed": 0, "unknown": 0, "deferred": 7}
        ticks.finish_tick(connection, "t", START.replace(second=23), counts, None, 0)
    api.clock.moment = START.replace(hour=12)
    told = scrape(api)
    assert told['xmit_enrollments{status="active"}'] == 2
    assert told['xmit_contacts{status="active"}'] == 2
    assert (told["xmit_due"], told["xmit_overdue"]) == (2, 2)
    assert told["xmit_oldest_free_seconds"] == 3 * 3600 + 20
    assert (told["xmit_last_tick_seconds"], told['xmit_last_tick_messages{outcome="sent"}']) == (3, 4)
    assert told["xmit_last_tick_timestamp_seconds"] == START.timestamp()
    assert told["xmit_store_up"] == 1


def test_deferred_are_told_by_their_wall(api: Api) -> None:
    """A paused warmup is seen as such, and nobody counts as late for it."""
    two_due(api)
    with api.store.transaction() as connection:
        warmup.pause(connection, domains(connection)[0]["id"], START, "by hand")
    told = scrape(api)
    assert told['xmit_deferred{wall="warmup_paused"}'] == 2
    assert told["xmit_oldest_free_seconds"] == 0


@pytest.mark.parametrize(("state", "day", "counted"), [("sent", 0, 1), ("unknown", 0, 1), ("sent", 1, 0)])
def test_messages_of_today_are_counted(api: Api, state: str, day: int, counted: int) -> None:
    """By UTC day of what last happened; yesterday's are not today's."""
    two_due(api)
    with api.store.transaction() as connection:
        connection.execute(
            "INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed,"
            " due_at, overdue, created_at, sent_at) SELECT uuidv7(), id, sequence_id, step_id, contact_id,"
            " 'a@b.example', $state, false, due_at, false, $now, $now FROM enrollment LIMIT 1",
            {"state": state, "now": START},
        )
    api.clock.moment = START.replace(day=START.day + day, hour=23)
    told = scrape(api)
    assert told.get(f'xmit_messages_today{{state="{state}"}}', 0) == counted
    assert told["xmit_messages_unknown"] == (state == "unknown")


def test_requests_are_counted_by_route(api: Api) -> None:
    """One series a route, not one an id; refusals too."""
    before = scrape(api)
    for number in range(3):
        api.get(f"/api/lists/lst_{number}")
    after = scrape(api)
    series = 'xmit_requests_total{method="GET",route="/api/lists/{list_id}",status="404"}'
    assert after[series] - before.get(series, 0) == 3
    last = 'xmit_request_seconds_count{method="GET",route="/api/lists/{list_id}"}'
    assert after[last] - before.get(last, 0) == 3


def test_scrapes_share_one_look(api: Api) -> None:
    """Cheap however often it is asked: the store is read once in ten seconds."""
    scrape(api)
    two_due(api)
    again = api.get("/metrics").text
    assert "\nxmit_due 0\n" in again


def test_old_figures_stay_while_the_store_is_out(api: Api) -> None:
    """A store that can't be read: the last figures, and a 0 that says so."""
    two_due(api)
    looks = iter([False, True])

    def look() -> tuple[Vitals, float]:
        if next(looks):
            raise StoreRefused("in use")
        with api.store.snapshot() as connection:
            return read_vitals(connection, START), START.timestamp()

    cast(FastAPI, api.client.app).state.vitals = Glance(look, keep_seconds=0, wait_seconds=20)
    up, out = api.get("/metrics").text, api.get("/metrics").text

    assert "\nxmit_store_up 1\n" in up
    assert "\nxmit_store_up 0\n" in out
    assert "\nxmit_due 2\n" in out


def test_histogram_counts_upwards() -> None:
    """Every bucket holds those below it; the last holds all."""
    figures, page = Figures(), Exposition()
    for seconds in (0.001, 0.005, 0.3, 99.0):
        figures.count("GET", "/x", 200, seconds)
    histogram = figures.seconds["GET", "/x"]
    page.histogram("h", "told", BUCKETS, [({"route": "/x"}, histogram.cumulated(), histogram.seconds)])
    assert 'h_bucket{route="/x",le="0.005"} 2' in page.lines
    assert 'h_bucket{route="/x",le="0.25"} 2' in page.lines
    assert 'h_bucket{route="/x",le="0.5"} 3' in page.lines
    assert page.lines[-3:] == [
        'h_bucket{route="/x",le="+Inf"} 4',
        'h_sum{route="/x"} 99.306',
        'h_count{route="/x"} 4',
    ]


def test_labels_are_escaped() -> None:
    page = Exposition()
    page.by("g", "told", "name", {'a"b\\c\nd': 1})
    assert page.lines[-1] == 'g{name="a\\"b\\\\c\\nd"} 1'
