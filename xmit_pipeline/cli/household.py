"""Programs that live and end together: started floor by floor, watched, and ended from the top down."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from xmit_pipeline.cli.console import err
from xmit_pipeline.model.errors import ConfigurationFault

READY_SECONDS = 120
LOOK_SECONDS = 0.1
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Program:
    """One child in a process group of its own. `ready` asks whether it answers; `place` is where people find it.

    `gate`: the floor above starts only when this one is ready. `patience`: seconds it may take to end.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    place: str = ""
    gate: bool = False
    patience: float = 5.0
    process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603  (our own commands)
            self.command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent() if sys.platform == "linux" else None,  # noqa: PLW1509  (no threads)
        )

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def ask_to_end(self) -> None:
        """The program alone, not its group: a code server lets its run finish."""
        if self.process is not None and not self.ended:
            self.process.terminate()

    def kill_group(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass(slots=True)
class Asked:
    """How often a signal has asked for the end; looked at, never raised: a start that is cut off loses its child."""

    times: int = 0


@dataclass(frozen=True, slots=True)
class Household:
    """Floors of programs; each floor needs the ones below it, so mail that is on its way finds its receiver.

    `hint` is said once all are ready.
    """

    floors: Sequence[Sequence[Program]]
    environment: Mapping[str, str]
    folder: Path
    hint: str = ""

    def run(self) -> None:
        """Until an ending signal, or until one program ends by itself (ConfigurationFault). Leaves nobody behind."""
        with _ending_signals() as asked:
            try:
                self._start(asked)
                while not asked.times:
                    self._refuse_ended()
                    time.sleep(LOOK_SECONDS)
            finally:
                self._end(asked)

    def _start(self, asked: Asked) -> None:
        for floor in self.floors:
            for program in floor:
                program.start(self.environment, self.folder)
            self._await([program for program in floor if program.gate], asked)
            if asked.times:
                return
        self._await(self._programs, asked)
        err.print("Ready; Ctrl-C ends all.")
        for program in reversed(self._programs):
            if program.place:
                err.print(f"  {program.place}  {program.name}")
        if self.hint:
            err.print(self.hint)

    def _await(self, programs: Sequence[Program], asked: Asked) -> None:
        deadline = time.monotonic() + READY_SECONDS
        for program in programs:
            while not asked.times and not program.ready():
                self._refuse_ended()
                if time.monotonic() > deadline:
                    raise ConfigurationFault(
                        f"{program.name} was not ready after {READY_SECONDS} s; its last lines are above."
                    )
                time.sleep(LOOK_SECONDS)

    def _refuse_ended(self) -> None:
        for program in self._programs:
            if program.ended:
                raise ConfigurationFault(f"{program.name} ended by itself; its last lines are above.")

    def _end(self, asked: Asked) -> None:
        """From the top down; nobody is waited for any more once a second signal comes, or one after a death."""
        patient_for = min(asked.times, 1)
        with suppress(OSError):  # the terminal may be gone: that is what a hang-up says
            err.print(f"Ending; Ctrl-C{' again' * patient_for} ends at once.")
        for floor in reversed(self.floors):
            deadline = time.monotonic() + max(program.patience for program in floor)
            for program in floor:
                program.ask_to_end()
            while asked.times <= patient_for and time.monotonic() < deadline and _any_left(floor):
                time.sleep(LOOK_SECONDS)
            for program in floor:
                program.kill_group()

    @property
    def _programs(self) -> list[Program]:
        return [program for floor in self.floors for program in floor]


def _any_left(floor: Sequence[Program]) -> bool:
    return any(program.process is not None and not program.ended for program in floor)


@contextmanager
def _ending_signals() -> Generator[Asked]:
    """Counts each ending signal, also where a shell started us with SIGINT ignored.

    Children inherit an ignored signal, and Dagster's would then ignore SIGTERM as well.
    """
    asked = Asked()

    def count(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        asked.times += 1

    before = {number: signal.signal(number, count) for number in ENDING}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _die_with_parent() -> Callable[[], None]:
    """Should this process be killed outright, the kernel ends the child too."""
    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask_the_kernel
