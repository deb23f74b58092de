"""The command, its JSON and the API call (SPEC 10)."""

import sys
import threading
from queue import Queue

import orjson
import pytest

from tests.campaigns import START, World, curve
from xmit_pipeline.cli.app import main
from xmit_pipeline.delivery.forecast import Plan, forecast
from xmit_pipeline.delivery.forecast_turns import MOST_WAITING, ForecastsBusy, ForecastTurns
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.steps import live_steps


@pytest.fixture
def sequence_id(world: World):
    world.domain(warmup_on=True, pacing=False, hold_target=True, **curve(2, 2))
    found = world.sequence((0,), name="Welcome")
    world.enroll(found, world.people(3))
    world.store.close()
    return found


def said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str, str]:
    """A command in this process: its exit code and both streams."""
    monkeypatch.setattr(sys, "argv", ["xmit", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_json_is_a_list_of_days_and_steps(world: World, sequence_id, capsys, monkeypatch):
    with world.store.snapshot() as connection:
        [step] = live_steps(connection, sequence_id)
    world.store.close()
    code, out, _ = said(
        capsys, monkeypatch, "forecast", "Welcome", "--from", START.isoformat(), "--days", "3", "--json"
    )
    step_id = public_id(Kind.STEP, step["id"])
    assert code == 0
    assert orjson.loads(out) == [
        {"date": "2026-03-02", "stepId": step_id, "sent": 2, "deferred": 1},
        {"date": "2026-03-03", "stepId": step_id, "sent": 1, "deferred": 0},
        {"date": "2026-03-04", "stepId": step_id, "sent": 0, "deferred": 0},
    ]


def test_forecasts_take_turns_and_few_wait(world: World, sequence_id):
    """One is played at a time, for the API and the dashboard together; who finds no place is told so."""
    turns, refused, served = ForecastTurns(), Queue[str](), []

    def ask() -> None:
        try:
            with turns.turn():
                served.append(forecast(world.store, sequence_id, Plan(START, 2)).completed)
        except ForecastsBusy as error:
            refused.put(str(error))

    asking = [threading.Thread(target=ask) for _ in range(MOST_WAITING + 1)]
    with turns.turn():
        for thread in asking:
            thread.start()
        assert "under way already" in refused.get(timeout=60)
        assert served == []
    for thread in asking:
        thread.join()
    assert served == [3] * MOST_WAITING


def test_people_read_a_table_and_the_end(sequence_id, capsys, monkeypatch):
    code, out, err = said(
        capsys, monkeypatch, "forecast", public_id(Kind.SEQUENCE, sequence_id), "--from", START.isoformat()
    )
    assert code == 0
    assert "The last of 3 people is through on Tue 03 Mar 2026" in out
    assert "The bottleneck is example.com" in out
    assert "Nobody unsubscribes" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Nobody",), "no sequence named 'Nobody'"),
        (("Welcome", "--from", "soon"), "ISO 8601"),
        (("Welcome", "--at-rate", "many"), "500/day"),
        (("Welcome", "--enroll-list", "Gone"), "no list named 'Gone'"),
        (("Welcome", "--days", "0"), "1 to 366 days"),
    ],
)
@pytest.mark.usefixtures("sequence_id")
def test_bad_input_is_a_sentence(capsys, monkeypatch, arguments, words):
    code, _, err = said(capsys, monkeypatch, "forecast", *arguments)
    assert code == 1
    assert words in err
