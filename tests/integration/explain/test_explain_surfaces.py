"""The command and the calls: explanations and forecasts as programs and people get them (SPEC 8, 10)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.campaigns import START, World
from tests.integration.api.client import Api, opened_api
from xmit_pipeline.cli.app import main


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path / "api") as opened:
        yield opened


def enrolled_one(api: Api) -> tuple[str, str]:
    """An active sequence with one person in it: the ids of both."""
    sequence_id = api.new_active()
    api.made(f"/api/sequences/{sequence_id}/enroll", {"contactIds": [api.new_contact()]})
    [enrollment] = api.found(f"/api/sequences/{sequence_id}/enrollments")["enrollments"]
    return sequence_id, enrollment["id"]


def test_the_call_answers_sentences_and_facts(api: Api):
    sequence_id, enrollment_id = enrolled_one(api)
    told = api.found(f"/api/sequences/{sequence_id}/enrollments/{enrollment_id}/explain")
    assert told["sentences"][0].startswith("ada@example.org was enrolled in 'Welcome'")
    assert (told["facts"]["id"], told["facts"]["goesNext"], told["facts"]["messages"]) == (
        enrollment_id,
        True,
        [],
    )


def test_an_enrollment_of_another_sequence_is_not_found(api: Api):
    _, enrollment_id = enrolled_one(api)
    other = api.new_draft(name="Other")
    assert api.get(f"/api/sequences/{other}/enrollments/{enrollment_id}/explain").status_code == 404


def test_the_forecast_call_answers_days_and_sums(api: Api):
    sequence_id, _ = enrolled_one(api)
    told = api.found(f"/api/sequences/{sequence_id}/forecast?days=2&rate=10")
    assert [day["date"] for day in told["days"]] == ["2026-03-02", "2026-03-03"]
    assert set(told["days"][0]) == {"date", "stepId", "sent", "deferred"}
    assert told["completed"] + told["active"] == 21
    assert told["bottleneck"] is None


@pytest.mark.parametrize(
    ("asked", "status"), [("days=0", 400), ("days=x", 400), ("from=soon", 400), ("enrollList=lst_x", 404)]
)
def test_a_forecast_asked_wrongly_is_refused(api: Api, asked: str, status: int):
    sequence_id, _ = enrolled_one(api)
    assert api.get(f"/api/sequences/{sequence_id}/forecast?{asked}").status_code == status


def test_the_command_takes_an_address_or_an_id(world: World, capsys, monkeypatch):
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(1))
    world.tick(START)
    world.store.close()
    by_address = said(capsys, monkeypatch, "explain", "Person0@Example.NET", "--json")
    [told] = orjson.loads(by_address)
    assert told["facts"]["messages"][0]["attempts"][0]["statusCode"] == 202
    by_id = said(capsys, monkeypatch, "explain", told["facts"]["id"])
    assert "'step 1' was sent to person0@example.net on 2026-03-02 09:30 UTC." in by_id


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a command prints that succeeds."""
    monkeypatch.setattr(sys, "argv", ["xmit", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert not ended.value.code, captured.err
    return captured.out
