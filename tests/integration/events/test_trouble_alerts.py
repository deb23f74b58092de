"""The alert address hears of each opening once, and of what it did not take again (SPEC 6.5, STYLE: no storm)."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import dagster as dg
import orjson
import pytest
from dagster._core.test_utils import create_run_for_test

from tests.campaigns import START, World
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.checks import metrics_equal_a_rebuild
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.watch import trouble


class Listener(HTTPServer):
    """An alert address: keeps what it is told, and answers as it is ordered to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status = 200
        self.heard: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"


class _Answering(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.heard.append(orjson.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with Listener() as server:
        monkeypatch.setenv("XMIT_ALERT_URL", server.url)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def evaluated(world: World, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    """One look of the sensor, as the daemon does it."""
    world.store.close()
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=build_defs().get_repository_def(),
        resources={"store": StoreResource()},
    ) as context:  # fmt: skip
        return trouble.evaluate_tick(context)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def held(world: World) -> None:
    world.domain()
    world.sequence()
    world.change("UPDATE step SET held_at = $now, hold_reason = 'render_error: 25 of 30'", now=START)


def test_each_opening_is_told_once(world: World, instance: dg.DagsterInstance, listener: Listener):
    held(world)
    cursor = evaluated(world, instance).cursor
    cursor = evaluated(world, instance, cursor).cursor
    assert [alert["text"] for alert in listener.heard] == ["The step step 1 is held: render_error: 25 of 30."]
    world.change("UPDATE step SET held_at = NULL")
    cursor = evaluated(world, instance, cursor).cursor
    held_again = START.replace(hour=20)
    world.change("UPDATE step SET held_at = $now, hold_reason = 'again'", now=held_again)
    evaluated(world, instance, cursor)
    assert len(listener.heard) == 2


def test_what_was_not_taken_is_told_again(world: World, instance: dg.DagsterInstance, listener: Listener):
    held(world)
    listener.status = 500
    cursor = evaluated(world, instance).cursor
    listener.status = 200
    cursor = evaluated(world, instance, cursor).cursor
    evaluated(world, instance, cursor)
    assert len(listener.heard) == 2


def test_circuits_and_health_are_told(world: World, instance: dg.DagsterInstance, listener: Listener):
    """SPEC 4, 6.5."""
    world.domain(warmup_on=True)
    world.change(
        "UPDATE domain SET warmup_state = 'paused', warmup_pause_reason = 'health critical: 3 of 25'"
    )
    world.change(
        "INSERT INTO circuit (id, cause, words, opened_at, failures, probe_at) "
        "VALUES (uuidv7(), 'credentials', 'bad key', $now, 1, $now)", now=START,
    )  # fmt: skip
    evaluated(world, instance)
    assert sorted(alert["key"].split()[0] for alert in listener.heard) == ["circuit", "health"]


def test_failed_checks_are_told(world: World, instance: dg.DagsterInstance, listener: Listener):
    (key,) = metrics_equal_a_rebuild.check_keys
    world.change(
        "INSERT INTO step_metric (step_id, day, sent, presumed, skipped, failed, unknown) "
        "VALUES (uuidv7(), '2026-03-02', 1, 0, 0, 0, 0)"
    )
    world.store.close()
    build_defs().resolve_job_def("check_everything").execute_in_process(instance=instance)
    evaluated(world, instance)
    assert [alert["key"] for alert in listener.heard] == [f"check {key.to_user_string()}"]


def test_without_an_address_it_says_what_to_set(world: World, instance: dg.DagsterInstance):
    assert "XMIT_ALERT_URL" in (evaluated(world, instance).skip_message or "")


def test_a_tick_that_refuses_to_send_is_told(world: World, instance: dg.DagsterInstance, listener: Listener):
    """SPEC 6.10: a clock set back stops everything, and nobody may be looking at Dagster."""
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    world.tick(START)
    world.tick(START - timedelta(hours=2))
    cursor = evaluated(world, instance).cursor
    assert [alert["key"] for alert in listener.heard] == ["tick refused"]
    assert "xmit reconcile" in listener.heard[0]["text"]
    world.tick(START + timedelta(minutes=1))
    assert evaluated(world, instance, cursor).cursor == "[]"


def test_ticks_that_fail_in_a_row_are_told(world: World, instance: dg.DagsterInstance, listener: Listener):
    for failures in (1, 2, 3):
        create_run_for_test(instance, job_name="tick", status=dg.DagsterRunStatus.FAILURE)
        evaluated(world, instance)
        assert len(listener.heard) == (failures == 3)
