"""The documents' commands work, in their order, and their links lead somewhere."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def commands(document: Path) -> list[str]:
    blocks = SHELL_BLOCK.findall(document.read_text())
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def run(command: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "XMIT_HOME": str(home), "SENDGRID_HOST": "http://127.0.0.1:9"}
    return subprocess.run(
        command, shell=True, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


def test_getting_started_runs_as_written(tmp_path: Path):
    for command in commands(PROJECT / "docs" / "getting-started.md"):
        if not command.startswith("make"):
            finished = run(command, tmp_path)
            assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_exists(document: Path):
    targets = set(re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {command.split()[1] for command in commands(document) if command.startswith("make ")}
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_local_link_leads_somewhere(document: Path):
    missing = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]
    assert missing == []


def test_the_demo_command_runs_to_its_end(tmp_path: Path):
    """The README's first command, as far as it is not setting up."""
    finished = run(".venv/bin/xmit demo", tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "0 active, 2,291 completed, 0 paused, 54 exited" in finished.stdout
