"""`xmit apply` and `xmit export` as a person meets them: shown first, asked, all or nothing."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.campaigns import START, World
from tests.integration.declared.files import Desk, content, sequence, step
from xmit_pipeline.cli.apply import run_apply
from xmit_pipeline.cli.export import run_export
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.imports import import_file
from xmit_pipeline.store.lists import list_named

EXAMPLES = Path(__file__).parents[3] / "examples"
WELCOME = EXAMPLES / "welcome.yaml"


@pytest.fixture
def file(desk: Desk) -> Path:
    """A file of one sequence with two steps."""
    return desk.write(yaml.safe_dump(content(sequence(step("A"), step("B", delay="2 days")))))


def names_of_sequences(world: World) -> list[str]:
    return [row["name"] for row in world.rows("SELECT name FROM sequence")]


def test_the_example_is_applied_and_sends_mail(world: World, capsys: pytest.CaptureFixture[str]):
    """PAINS C7: from a file and a list to mail in the sandbox."""
    run_apply(WELCOME, yes=True, dry_run=False)
    assert capsys.readouterr().out.endswith("Applied: 7 created.\n")
    with world.store.transaction() as connection:
        list_id = list_named(connection, "Customers", START)
    orders = EXAMPLES / "shop" / "orders.csv"
    import_file(world.store, orders, overrides={}, list_id=list_id, now=START)
    assert world.tick(START).counts["sent"] == 4
    assert {mail.html.count("<h1>Welcome") for mail in world.sandbox.mailbox.page().mails} == {1}


def test_a_second_apply_finds_nothing_to_change(world: World, file: Path, capsys: pytest.CaptureFixture[str]):
    run_apply(file, yes=True, dry_run=False)
    before = world.rows("SELECT * FROM sequence"), world.rows("SELECT * FROM step ORDER BY position")
    capsys.readouterr()
    run_apply(file, yes=True, dry_run=False)
    assert capsys.readouterr().out == "Nothing to change: the store is as the file says.\n"
    assert (
        world.rows("SELECT * FROM sequence"),
        world.rows("SELECT * FROM step ORDER BY position"),
    ) == before


def test_a_dry_run_shows_and_changes_nothing(world: World, file: Path, capsys: pytest.CaptureFixture[str]):
    run_apply(file, yes=True, dry_run=True)
    assert capsys.readouterr().out.splitlines() == [
        "+ domain example.com (verified true)",
        "+ sender hello@example.com",
        "+ list News",
        "+ sequence Welcome (status active, triggerList News)",
        "  + step A (subject About A)",
        "  + step B (delay 2 days, subject About B)",
        "A dry run: nothing was changed.",
    ]
    assert names_of_sequences(world) == []


def test_changes_are_shown_field_by_field(desk: Desk, file: Path, capsys: pytest.CaptureFixture[str]):
    run_apply(file, yes=True, dry_run=False)
    capsys.readouterr()
    body = "<p>x</p>\n<p>[bold]y[/bold] \x1b[31m</p>\n++ @@\n"
    new = sequence(step("A", delay="1 hour", bodyHtml=body), step("C"), status="paused", priority=5)
    path = desk.write(yaml.safe_dump(content(new, lists=[{"name": "News", "description": "All"}])))
    run_apply(path, yes=False, dry_run=True)
    assert capsys.readouterr().out.splitlines() == [
        "~ list News",
        "    description nothing -> All",
        "~ sequence Welcome",
        "    status active -> paused",
        "    priority 100 -> 5",
        "  ~ step A",
        "      delay immediately -> 1 hour",
        "      bodyHtml",
        "        +<p>[bold]y[/bold] \\x1b[31m</p>",
        "        +++ @@",
        "  + step C (subject About C)",
        "  - step B",
        "A dry run: nothing was changed.",
    ]


def test_without_a_terminal_it_shows_and_refuses(
    world: World, file: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(BadInput, match="Look at the difference, then add --yes"):
        run_apply(file, yes=False, dry_run=False)
    assert "+ list News" in capsys.readouterr().out
    assert names_of_sequences(world) == []


ASKED = """
import sys, pathlib, typer
from xmit_pipeline.cli.apply import run_apply
app = typer.Typer()
@app.command()
def apply(path: pathlib.Path):
    run_apply(path, yes=False, dry_run=False)
app()
"""


@pytest.mark.parametrize(("answer", "applied", "code"), [("y", ["Welcome"], 0), ("n", [], 1), ("", [], 1)])
def test_at_a_terminal_it_asks(world: World, file: Path, answer: str, applied: list[str], code: int):
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    finished = subprocess.run(
        [sys.executable, "-c", ASKED, str(file)], stdin=theirs, capture_output=True, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert "Apply these changes? [y/N]" in finished.stdout
    assert finished.returncode == code
    assert names_of_sequences(world) == applied


def test_an_export_is_written_and_changes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run_apply(file, yes=True, dry_run=False)
    run_export(tmp_path / "export.yaml")
    assert "1 domains, 1 senders, 1 lists, 1 sequences" in capsys.readouterr().err
    run_apply(tmp_path / "export.yaml", yes=False, dry_run=False)
    assert capsys.readouterr().out == "Nothing to change: the store is as the file says.\n"


def test_an_export_without_a_file_is_printed(file: Path, desk: Desk, capsys: pytest.CaptureFixture[str]):
    run_apply(file, yes=True, dry_run=False)
    capsys.readouterr()
    run_export(None)
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["sequences"][0]["steps"][1]["delay"] == "2 days"
    run_apply(desk.write(printed, "printed.yaml"), yes=False, dry_run=False)


def test_an_export_overwrites_no_file(file: Path):
    """It may be the one that somebody wrote, with comments."""
    before = file.read_text()
    with pytest.raises(BadInput, match="is there already"):
        run_export(file)
    assert file.read_text() == before
