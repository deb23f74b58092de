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


def test_the_first_command_is_the_demo():
    """The README's `make demo` sets up and runs `xmit demo`, which test_cli_demo plays to its end."""
    assert commands(PROJECT / "README.md")[0] == "make demo"
    recipe = re.search(r"^demo: setup .*\n\t(.+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    assert recipe[1] == "$(BIN)/xmit demo"
