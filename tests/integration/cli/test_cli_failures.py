"""Whatever goes wrong is one sentence on standard error and exit code 1, never a traceback."""

import re
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Xmit, xmit_process
from xmit_pipeline.cli.failures import sentence_for
from xmit_pipeline.model.errors import BadInput


@pytest.mark.parametrize(
    "command", [["tick"], ["doctor"], ["keys", "list"], ["sql", "SELECT 1"], ["demo"], ["up"]]
)
def test_home_that_cannot_be_made_is_a_sentence(xmit: Xmit, tmp_path: Path, command: list[str]):
    """SPEC 9: the sentence names the path and the setting."""
    (tmp_path / "file").write_text("in the way")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XMIT_HOME", str(tmp_path / "file"))
        said = xmit(*command)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"xmit: {tmp_path / 'file'} can't be used: ")
    assert "XMIT_HOME" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SENDGRID_HOST", "api.sendgrid.com"),
        ("XMIT_PUBLIC_URL", "nowhere"),
        ("XMIT_SECRET", "short"),
        ("XMIT_TICK_BUDGET_SECONDS", "soon"),
    ],
)
def test_wrong_setting_is_named(xmit: Xmit, monkeypatch: pytest.MonkeyPatch, setting: str, value: str):
    monkeypatch.setenv(setting, value)
    said = xmit("doctor")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"xmit: {setting} ")


def test_process_ends_with_one_and_no_traceback(tmp_path: Path):
    """The same through a real process: exit code, and nothing on standard output."""
    said = xmit_process("import", str(tmp_path / "missing.csv"))
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("xmit: ")
    assert "Traceback" not in said.err


def test_error_of_ours_is_shown_as_it_stands():
    assert sentence_for(BadInput("Give it a name.")) == "Give it a name."


def test_full_disk_names_the_path():
    full = OSError(28, "No space left on device", "/data/xmit.duckdb")
    assert sentence_for(full).startswith("/data/xmit.duckdb can't be used: No space left on device.")


def test_what_nobody_foresaw_keeps_its_details():
    """In a file to report, not on the screen."""
    with pytest.raises(KeyError) as met:
        {}["nothing"]
    sentence = sentence_for(met.value)
    path = re.search(r"report it with (\S+),", sentence)
    assert "\n" not in sentence
    assert path is not None
    details = Path(path[1])
    assert "Traceback" in details.read_text()
    details.unlink()


def test_unknown_command_is_a_usage_error(xmit: Xmit):
    assert xmit("nope").code == 2


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "tick",
        "import",
        "sql",
        "demo",
        "sandbox",
        "api",
        "doctor",
        "keys",
        "keys create",
        "keys list",
        "keys revoke",
        "reconcile",
    ],
)
def test_every_command_explains_itself(xmit: Xmit, command: str):
    """SPEC 10."""
    said = xmit(*command.split(), "--help")
    assert said.code == 0
    assert "Usage: xmit " in said.out
