"""`xmit tick`: one tick through Dagster, its record for eye and program, and the times it refuses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import orjson
import pytest

from tests.campaigns import START, World
from tests.integration.cli.conftest import Xmit, xmit_process
from xmit_pipeline.delivery.tick import tick_lock

COUNTS = ("claimed", "sent", "skipped", "failed", "unknown", "deferred")


@pytest.fixture(autouse=True)
def to_the_sandbox(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says nothing else mails into the sandbox; the store is free for the command."""
    monkeypatch.setenv("SENDGRID_HOST", world.sandbox.url)
    world.store.close()


def counts_of(text: str) -> dict[str, int]:
    record = orjson.loads(text.splitlines()[-1])
    return {name: record[name] for name in COUNTS}


def test_record_stands_alone_on_the_last_line(world: World):
    """SPEC 10: a process on pipes; Dagster's own words are not in between."""
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.store.close()
    said = xmit_process("tick", "--now", START.isoformat(), "--json")
    assert said.code == 0
    assert said.out.count("\n") == 1
    assert counts_of(said.out) == {**dict.fromkeys(COUNTS, 0), "claimed": 3, "sent": 3}
    assert said.err == ""
    assert len(world.delivered()) == 3


def test_nothing_due_is_no_failure_twice(xmit: Xmit):
    for _ in range(2):
        said = xmit("tick")
        assert said.code == 0
        assert said.out == "0 claimed, 0 sent, 0 skipped, 0 failed, 0 unknown, 0 deferred\n"


def test_simulated_moment_decides_who_is_due(world: World, xmit: Xmit):
    """SPEC 6.10: `--now` against a loopback host, months off the clock."""
    world.domain()
    world.enroll(world.sequence((1,)), world.people(2))
    world.store.close()
    early, late = (
        xmit("tick", "--json", "--now", (START + timedelta(minutes=minutes)).isoformat())
        for minutes in (1439, 1440)
    )
    assert counts_of(early.out)["sent"] == 0
    assert counts_of(late.out)["sent"] == 2


def test_times_in_the_record_are_utc(xmit: Xmit):
    record = orjson.loads(xmit("tick", "--json", "--now", "2026-03-02T10:30:00+01:00").out)
    assert (record["moment"], record["simulated"]) == ("2026-03-02T09:30:00Z", True)


def test_time_far_off_the_clock_is_refused_off_the_sandbox(
    world: World, xmit: Xmit, monkeypatch: pytest.MonkeyPatch
):
    """SPEC 6.10: more than five minutes, either way, where mail could reach people."""
    monkeypatch.setenv("SENDGRID_HOST", "https://api.sendgrid.com")
    for minutes in (-6, 6):
        said = xmit("tick", "--now", (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat())
        assert (said.code, said.out) == (1, "")
        assert "more than 5 minutes off the clock" in said.err
    assert world.rows("SELECT * FROM tick") == []


@pytest.mark.parametrize("moment", ["", "tomorrow", "2026-13-01", "now"])
def test_time_that_is_none_is_refused(xmit: Xmit, moment: str):
    """A blank one too: a script whose variable is unset must not send for real."""
    said = xmit("tick", "--now", moment)
    assert said.code == 1
    assert "--now takes an ISO 8601 time" in said.err


def test_tick_says_why_it_sends_nothing(xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    """SPEC 6.10: without a key the real host is not called; the reason is on standard error."""
    monkeypatch.setenv("SENDGRID_HOST", "https://api.sendgrid.com")
    said = xmit("tick")
    assert said.code == 0
    assert "SENDGRID_API_KEY is not set" in said.err
    assert "SENDGRID_API_KEY" not in said.out


def test_second_tick_at_once_stands_aside(world: World, xmit: Xmit):
    """SPEC 6.9: it skips with its reason, in the record's own form."""
    world.domain()
    world.enroll(world.sequence(), world.people(2))
    world.store.close()
    with tick_lock(world.settings):
        said = xmit("tick", "--json", "--now", START.isoformat())
    record = orjson.loads(said.out)
    assert said.code == 0
    assert counts_of(said.out) == dict.fromkeys(COUNTS, 0)
    assert "Another tick" in record["note"]
    assert world.delivered() == {}


def test_unusable_store_is_a_sentence_and_no_run(world: World, xmit: Xmit, home: Path):
    """SPEC 9: refused before Dagster records anything; the file stays as it was."""
    world.settings.database.write_text("not a database")
    said = xmit("tick", "--json")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"xmit: {world.settings.database} is not a DuckDB file")
    assert not (home / "dagster").exists()
    world.settings.database.unlink()


def test_runs_of_the_command_are_in_dagsters_history(xmit: Xmit, home: Path):
    """SPEC 10: every `xmit` command keeps Dagster's storage in `$XMIT_HOME/dagster`."""
    record = orjson.loads(xmit("tick", "--json").out)
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        run = instance.get_run_by_id(record["id"])
    assert run is not None
    assert (run.job_name, run.status) == ("tick", dg.DagsterRunStatus.SUCCESS)
