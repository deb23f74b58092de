"""docs/reengagement.md, done as it is written: its files, its commands, and what they say (SPEC 10)."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
DOCUMENT = (PROJECT / "docs" / "reengagement.md").read_text()
BLOCK = re.compile(r"^```(sh|csv|yaml|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILES = {"csv": "customers.csv", "yaml": "win-back.yaml"}


def run(command: str, folder: Path) -> str:
    """A command in a folder that has the two files; its standard output."""
    environment = {**os.environ, "XMIT_HOME": str(folder / "home"), "SENDGRID_HOST": "http://127.0.0.1:9"}
    command = command.replace(".venv/bin/xmit", str(PROJECT / ".venv/bin/xmit"))
    finished = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def test_the_worked_case_goes_as_written(tmp_path: Path):
    """Each command succeeds, and what the document shows is what its last one said."""
    said: list[str] = []
    for kind, text in BLOCK.findall(DOCUMENT):
        if kind in FILES:
            (tmp_path / FILES[kind]).write_text(text)
        elif kind == "sh":
            said = [run(command, tmp_path) for command in text.splitlines()]
        else:
            assert any(text.strip() in each for each in said), (text, said)
    assert len(said) == 1


@pytest.mark.parametrize("picture", re.findall(r"\((screenshots/[^)]+)\)", DOCUMENT))
def test_its_pictures_are_there(picture: str):
    assert (PROJECT / "docs" / picture).stat().st_size > 10_000
