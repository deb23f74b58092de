"""`xmit backfill`: the partitions through Dagster; killed and run again it comes to the same (SPEC 10)."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.campaigns import World
from tests.integration.reengagement.lapsed import enrolled, lapsed, months
from xmit_pipeline.store import sequences

XMIT = [sys.executable, "-m", "xmit_pipeline.cli"]
SPAN = months(date(2023, 1, 1), 6)
A_MONTH = 40


@pytest.fixture
def sequence_id(world: World):
    """A win-back sequence, and people who fell silent in each of six months."""
    world.domain()
    for month in SPAN:
        at = datetime(month.year, month.month, 14, 8, tzinfo=UTC)
        lapsed(world, A_MONTH, prefix=f"m{month:%y%m}-", at=at)
    found = world.sequence(name="Win-back")
    world.store.close()
    return found


def backfill(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [*XMIT, "backfill", "Win-back", "2023-01", "2023-06", *options]
    environment = {**os.environ, "XMIT_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_killed_and_resumed_equals_a_straight_run(world: World, sequence_id, tmp_path: Path):
    """The same people, each once, whatever the death left half done."""
    straight = tmp_path / "straight"
    shutil.copytree(world.settings.home, straight)
    command = [*XMIT, "backfill", "Win-back", "2023-01", "2023-06"]
    process = subprocess.Popen(
        command, env={**os.environ, "XMIT_HOME": str(world.settings.home)}, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not enrolled(world, sequence_id) and time.monotonic() < deadline:
        world.store.close()
        time.sleep(0.05)  # between two looks at the store, which the command needs too
    process.kill()
    process.wait()
    half = len(enrolled(world, sequence_id))
    world.store.close()
    assert A_MONTH <= half < A_MONTH * len(SPAN)
    resumed = backfill(world.settings.home)
    assert resumed.returncode == 0, resumed.stderr
    assert f"{A_MONTH * len(SPAN) - half} enrolled" in resumed.stdout
    assert backfill(straight).returncode == 0
    whole = enrolled(world, sequence_id)
    with_straight = World(
        type(world.store)(straight / "xmit.duckdb"), world.settings, world.sandbox, world.sendgrid
    )
    assert whole == enrolled(with_straight, sequence_id)
    assert len(world.rows("SELECT 1 FROM enrollment")) == len(whole) == A_MONTH * len(SPAN)
    with_straight.store.close()


def test_a_dry_run_prints_and_changes_nothing(world: World, sequence_id):
    said = backfill(world.settings.home, "--dry-run")
    assert said.returncode == 0, said.stderr
    assert "240 would be enrolled; nothing was changed." in said.stdout
    assert enrolled(world, sequence_id) == set()


def test_a_paused_sequence_ends_it_with_the_sentence(world: World, sequence_id):
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, datetime(2026, 3, 2, tzinfo=UTC))
    world.store.close()
    said = backfill(world.settings.home)
    assert said.returncode == 1
    assert "2023-01: The sequence 'Win-back' is paused" in said.stderr
    assert "Traceback" not in said.stderr
