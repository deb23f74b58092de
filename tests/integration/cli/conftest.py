"""Commands as a person calls them: in this process through `main`, or as a process of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from xmit_pipeline.cli.app import main

XMIT = [sys.executable, "-m", "xmit_pipeline.cli"]
SETTINGS = ("XMIT_HOME", "XMIT_DATABASE", "XMIT_PUBLIC_URL", "SENDGRID_API_KEY", "SENDGRID_HOST")


@dataclass(frozen=True)
class Said:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Xmit = Callable[..., Said]


@pytest.fixture
def xmit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Xmit:
    """A command in this process; what it does to the environment ends with the test."""
    for name in SETTINGS:
        monkeypatch.setenv(name, os.environ.get(name, ""))  # said once, so that it is taken back

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["xmit", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


def xmit_process(*arguments: str, **environment: str) -> Said:
    """A command in a process of its own, with its streams on pipes."""
    ended = subprocess.run(
        [*XMIT, *arguments],
        check=False,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)
