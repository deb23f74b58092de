"""Programs that live and end together, tried on small ones: order, deaths, and nobody left."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xmit_pipeline.cli.household import Household, Program
from xmit_pipeline.model.errors import ConfigurationFault

LIVES = """
import signal, sys, time
from pathlib import Path
name, log = sys.argv[1], Path(sys.argv[2])
def end(*_):
    with log.open("a") as file: file.write(f"{name} ends\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
with log.open("a") as file: file.write(f"{name} starts\\n")
while True: time.sleep(0.05)
"""
STUBBORN = LIVES.replace("    sys.exit()\n", "")

PARENT = """
import os, sys
from pathlib import Path
from xmit_pipeline.cli.household import Household, Program
code, log = sys.argv[1:]
child = Program("child", [sys.executable, "-c", code, "child", log], lambda: True)
Household([[child]], os.environ, Path(log).parent).run()
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the programs wrote down, in order."""
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def program(log: Path) -> Callable[..., Program]:
    def make(name: str, code: str = LIVES, **fields: object) -> Program:
        command = [sys.executable, "-c", code, name, str(log)]
        return Program(name, command, lambda: f"{name} starts" in log.read_text(), **fields)  # pyright: ignore[reportArgumentType]

    return make


def household(tmp_path: Path, *floors: list[Program]) -> Household:
    return Household(floors, os.environ, tmp_path)


def interrupted(when: Callable[[], bool], number: signal.Signals = signal.SIGINT) -> None:
    """Sends this process a signal as soon as something holds, as a terminal or a supervisor would."""

    def send() -> None:
        while not when():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


def alive(program: Program) -> bool:
    assert program.process is not None
    return program.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_floors_end_from_the_top(
    tmp_path: Path, log: Path, program: Callable[..., Program], number: signal.Signals
):
    """What receives outlives what sends."""
    below, gate, above = program("below"), program("gate", gate=True), program("above")
    interrupted(lambda: "above starts" in log.read_text(), number)
    household(tmp_path, [below], [gate], [above]).run()
    ends = [line for line in log.read_text().splitlines() if line.endswith("ends")]
    assert ends == ["above ends", "gate ends", "below ends"]


def test_gate_is_ready_before_the_floor_above_starts(
    tmp_path: Path, log: Path, program: Callable[..., Program]
):
    slow = program("slow", "import time; time.sleep(0.5)\n" + LIVES, gate=True)
    above = program("above")
    interrupted(lambda: "above starts" in log.read_text())
    household(tmp_path, [slow], [above]).run()
    assert log.read_text().splitlines()[:2] == ["slow starts", "above starts"]


def test_one_death_ends_the_rest_with_a_sentence(tmp_path: Path, program: Callable[..., Program]):
    staying, dying = program("staying"), program("dying", "import time; time.sleep(0.3)")
    dying.ready = lambda: True
    with pytest.raises(ConfigurationFault, match="dying ended by itself"):
        household(tmp_path, [staying, dying]).run()
    assert not alive(staying)


def test_program_that_never_starts_ends_the_rest(tmp_path: Path, program: Callable[..., Program]):
    staying, failing = program("staying"), program("failing", "raise SystemExit(3)")
    with pytest.raises(ConfigurationFault, match="failing ended by itself"):
        household(tmp_path, [staying], [failing]).run()
    assert not alive(staying)


def test_second_interrupt_ends_at_once(tmp_path: Path, log: Path, program: Callable[..., Program]):
    """Somebody who asks twice does not wait for the slow one."""
    stubborn = program("stubborn", STUBBORN, patience=60.0)
    interrupted(lambda: "stubborn starts" in log.read_text())
    interrupted(lambda: "stubborn ends" in log.read_text())
    began = time.monotonic()
    household(tmp_path, [stubborn]).run()
    assert time.monotonic() - began < 20
    assert not alive(stubborn)


def test_children_of_a_program_are_ended_too(tmp_path: Path, log: Path, program: Callable[..., Program]):
    """A run that its code server left behind must not go on alone."""
    spawning = "import subprocess, sys; child = subprocess.Popen(['sleep', '600'])\n" + LIVES
    parent = program("parent", spawning)
    interrupted(lambda: "parent starts" in log.read_text())
    household(tmp_path, [parent]).run()
    assert parent.process is not None
    groups = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    living = [line.split() for line in groups.splitlines() if not line.split()[1].startswith("Z")]
    assert str(parent.process.pid) not in [group for group, _ in living]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killed_parent_leaves_nobody_behind(log: Path):
    """Not even kill -9 may leave a daemon behind that goes on sending."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, LIVES, str(log)])
    while "child starts" not in log.read_text():
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while "child ends" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.read_text().splitlines() == ["child starts", "child ends"]


def test_closed_terminal_leaves_nobody_behind(log: Path):
    """Nothing can be printed any more; what was started is ended all the same, the deaf child too."""
    deaf = "import os, sys\nopen(sys.argv[2] + '.pid', 'w').write(str(os.getpid()))\n" + STUBBORN
    parent, terminal = pty.fork()
    if parent == 0:
        os.execv(sys.executable, [sys.executable, "-c", PARENT, deaf, str(log)])  # noqa: S606
    while "child starts" not in log.read_text():
        time.sleep(0.05)
    os.close(terminal)
    os.waitpid(parent, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.with_name("log.pid").read_text()), 0)


def test_signals_are_given_back(tmp_path: Path, log: Path, program: Callable[..., Program]):
    before = signal.getsignal(signal.SIGINT)
    interrupted(lambda: "only starts" in log.read_text())
    household(tmp_path, [program("only")]).run()
    assert signal.getsignal(signal.SIGINT) is before
