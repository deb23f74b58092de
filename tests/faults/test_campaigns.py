"""Campaigns under a seeded schedule of faults (SPEC 6.6 to 6.8): killed, cut off, out of room, out of time.

The short form runs with every test. `make soak` sets XMIT_SOAK_KILLS for the long one, which tells after each campaign
what all have come to. A failure names its seed; `XMIT_SOAK_SEED=4711 make soak` begins there, and the same seed orders
the same faults.
"""

import os
import shutil
from itertools import count
from pathlib import Path

import pytest

from tests.campaigns import START, opened_world
from tests.faults.campaign import Campaign
from tests.faults.forking import Forks
from tests.faults.orders import TickOrder
from tests.faults.tally import Tally
from tests.faults.template import build_template, copied
from xmit_pipeline.sandbox.server import RunningSandbox

SOAKING = "XMIT_SOAK_KILLS" in os.environ
KILLS = int(os.environ.get("XMIT_SOAK_KILLS", "10"))
DAGSTER_KILLS = int(os.environ.get("XMIT_SOAK_DAGSTER_KILLS", "2"))
FIRST_SEED = int(os.environ.get("XMIT_SOAK_SEED", "1"))
BLOWS = 20
DAGSTER_BLOWS = 4
"""A tick through Dagster takes some seconds."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, shared_sandbox: RunningSandbox) -> Path:
    home = tmp_path_factory.mktemp("template") / "home"
    build_template(home, shared_sandbox)
    return home


class Proving:
    """Campaigns one after another, seed after seed."""

    def __init__(
        self, template: Path, folder: Path, sandbox: RunningSandbox, forks: Forks, through: str
    ) -> None:
        self.template, self.folder, self.sandbox = template, folder, sandbox
        self.forks, self.through = forks, through
        self.struck = 0.75 if through == "run_tick" else 1.0
        self.tally = Tally()
        self.seconds, self.lines = self._measured()

    def until(self, kills: int, blows: int) -> Tally:
        """As many campaigns as it takes."""
        for seed in count(FIRST_SEED):
            if self.tally.killed >= kills:
                return self.tally
            self._play(seed, blows)
            if SOAKING:
                os.write(2, f"seed {seed}: {self.tally}\n".encode())
        raise AssertionError

    def _play(self, seed: int, blows: int) -> None:
        self.sandbox.mailbox.clear()
        home = copied(self.template, self.folder / str(seed))
        with opened_world(home, self.sandbox) as world:
            Campaign(
                world, self.forks, seed, self.tally, self.seconds, self.lines, self.through, self.struck
            ).run(blows)
        shutil.rmtree(home)

    def _measured(self) -> tuple[float, int]:
        """How long a busy tick of this machine takes, and how many lines of ours it runs: deaths fall inside."""
        home = copied(self.template, self.folder / "measured")
        order = TickOrder(
            str(home), self.sandbox.url, START, "measured", count_lines=True, through=self.through
        )
        end = self.forks.tick(order)
        assert end.error == "", end.error
        return end.seconds, end.lines


def test_nobody_twice_nobody_lost(template: Path, tmp_path: Path, sandbox: RunningSandbox, forked: Forks):
    """PAINS C1, A17, A18, A19, A21: after every blow, and at the end sent + failed + unknown + skipped = enrolled."""
    tally = Proving(template, tmp_path, sandbox, forked, "run_tick").until(KILLS, BLOWS)
    assert tally.killed >= KILLS
    assert tally.messages["sent"] > 0


def test_nobody_twice_nobody_lost_through_dagster(
    template: Path, tmp_path: Path, sandbox: RunningSandbox, dagster_forked: Forks
):
    """The same, with the job itself at work in the process that dies: `xmit tick`."""
    proving = Proving(template, tmp_path, sandbox, dagster_forked, "xmit tick")
    assert proving.until(DAGSTER_KILLS, DAGSTER_BLOWS).killed >= DAGSTER_KILLS
