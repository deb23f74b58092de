"""`xmit import`: what a file became, what was refused and why, and files that can't be taken."""

from pathlib import Path

import pytest

from tests.campaigns import START, World
from tests.integration.cli.conftest import Xmit
from xmit_pipeline.store.lists import create_list

GOOD = """Email Address,First Name,Company Name
ada@example.com,Ada,Acme
not an address,Bob,
ADA@example.com,,Other
,nobody,
grace@example.com,[bold]Grace,Co
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two people, one of them twice, and two rows that nobody can be mailed by."""
    path = tmp_path / "people.csv"
    path.write_text(GOOD)
    return path


def test_good_rows_go_in_and_bad_ones_are_reported(world: World, xmit: Xmit, file: Path, home: Path):
    """SPEC 9: line and reason of each refused row, all of them in a file."""
    world.store.close()
    said = xmit("import", str(file), "--list", "News")
    [report] = (home / "reports").iterdir()
    assert said.code == 0
    assert said.out.splitlines() == [
        "2 contacts made, 0 known already.",
        "1 rows repeated an address and were merged.",
        "2 joined 'News'; 0 enrollments started.",
        f"2 rows refused; all of them in {report}",
        "  line 3: This is not an e-mail address: it has no @. (not an address)",
        "  line 5: There is no e-mail address.",
    ]
    assert len(report.read_text().splitlines()) == 3
    assert world.rows("SELECT email, first_name FROM contact ORDER BY email") == [
        {"email": "ada@example.com", "first_name": "Ada"},
        {"email": "grace@example.com", "first_name": "[bold]Grace"},
    ]


def test_mapping_is_printed(xmit: Xmit, file: Path):
    """SPEC 5: file headers become keys that templates can name."""
    said = xmit("import", str(file), "--map", "First Name=-")
    mapping = {tuple(line.strip("│ ").split(" │ ")) for line in said.err.splitlines() if line.startswith("│")}
    assert {tuple(cell.strip() for cell in row) for row in mapping} == {
        ("Email Address", "email"), ("First Name", "left out"), ("Company Name", "companyName"),
    }  # fmt: skip


def test_new_members_are_enrolled(world: World, xmit: Xmit, file: Path):
    """SPEC 2: in every active sequence on the list; a second import starts nobody again."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = create_list(connection, "News", START)
    world.sequence(list_id=list_id)
    world.store.close()
    assert "2 enrollments started" in xmit("import", str(file), "--list", "News").out
    assert "0 joined 'News'; 0 enrollments started" in xmit("import", str(file), "--list", "News").out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ("name,company\nAda,Acme\n", "No column holds e-mail addresses"),
        ("email,Company,company\na@example.com,A,B\n", "would both become"),
    ],
)
def test_file_that_cannot_be_taken_is_refused_whole(
    world: World, xmit: Xmit, tmp_path: Path, content: str | None, words: str
):
    """SPEC 9: said in a sentence; nobody was imported."""
    path = tmp_path / "people.csv"
    if content is not None:
        path.write_text(content)
    world.store.close()
    said = xmit("import", str(path), "--list", "Typo")
    assert (said.code, said.out) == (1, "")
    assert words in said.err.splitlines()[-1]
    assert world.rows("SELECT * FROM contact") == []
    assert world.rows("SELECT * FROM list") == []


def test_folder_is_no_file(xmit: Xmit, tmp_path: Path):
    assert xmit("import", str(tmp_path)).err.endswith("is no file.\n")


@pytest.mark.parametrize("wrong", ["Company Name", "=company", "Company Name="])
def test_mapping_without_two_sides_is_refused(xmit: Xmit, file: Path, wrong: str):
    assert "--map takes column=field" in xmit("import", str(file), "--map", wrong).err


@pytest.mark.parametrize("name", ["", "  "])
def test_blank_list_is_refused(xmit: Xmit, file: Path, name: str):
    assert "--list takes the name of a list" in xmit("import", str(file), "--list", name).err


@pytest.mark.parametrize(
    ("name", "words"), [("two\nlines", "is one line without control"), ("x" * 201, "at most 200 characters")]
)
def test_list_is_named_as_anywhere(xmit: Xmit, file: Path, name: str, words: str):
    """SPEC 9: no import makes a list that the API would refuse."""
    assert words in xmit("import", str(file), "--list", name).err
