"""`xmit sql`: one question, an answer that programs can read, and nothing else."""

import csv
import io

import orjson
import pytest

from tests.campaigns import START, World
from tests.integration.cli.conftest import Xmit, xmit_process

PEOPLE = "SELECT email, created_at FROM contact ORDER BY email"


def test_csv_alone_is_on_standard_output(world: World):
    """A process on pipes: what is read there is the answer, byte for byte."""
    world.people(2)
    world.store.close()
    said = xmit_process("sql", PEOPLE, "--csv")
    assert said.code == 0
    assert said.out == (
        "email,created_at\nperson0@example.net,2026-03-02T09:30:00Z\nperson1@example.net,2026-03-02T09:30:00Z\n"
    )
    assert said.err == ""


def test_json_is_one_line_of_objects(world: World, xmit: Xmit):
    world.people(1)
    world.store.close()
    said = xmit("sql", PEOPLE, "--json")
    assert said.out.count("\n") == 1
    assert orjson.loads(said.out) == [{"email": "person0@example.net", "created_at": "2026-03-02T09:30:00Z"}]


def test_table_is_whole_on_a_pipe(world: World, xmit: Xmit):
    """No value is cut or folded where no eye limits the width."""
    world.contacts([{"email": "a@example.net", "first_name": "x" * 500}], now=START)
    world.store.close()
    assert "x" * 500 in xmit("sql", "SELECT * FROM contact").out


def test_values_are_never_read_as_markup(xmit: Xmit):
    said = xmit("sql", "SELECT '[red]sale[/red] :smile:' AS name")
    assert "[red]sale[/red] :smile:" in said.out


def test_sums_are_numbers_in_json(xmit: Xmit):
    """DuckDB sums integers into a wider type, which would come out as text."""
    said = xmit("sql", "SELECT sum(n) AS total, 1.25::DECIMAL(5, 2) AS part FROM range(10) AS t(n)", "--json")
    assert orjson.loads(said.out) == [{"total": 45, "part": 1.25}]


def test_nested_values_stay_whole_in_csv(xmit: Xmit):
    said = xmit("sql", "SELECT [1, 2] AS list, {'a': 'b\"c'} AS object, '\\x00'::BLOB AS bytes", "--csv")
    [row] = csv.DictReader(io.StringIO(said.out))
    assert (orjson.loads(row["list"]), orjson.loads(row["object"]), row["bytes"]) == (
        [1, 2],
        {"a": 'b"c'},
        "00",
    )


def test_long_answer_says_how_to_see_all(xmit: Xmit):
    said = xmit("sql", "SELECT * FROM range(1001)")
    assert "1,001 rows; the first 1,000 are shown" in said.err
    assert "1,001" not in said.out


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO api_key SELECT * FROM api_key",
        "DELETE FROM contact",
        "DROP TABLE contact",
        "CREATE TABLE mine (n INTEGER)",
        "EXPLAIN ANALYZE DELETE FROM contact",
        "SELECT 1; SELECT 2",
        "COPY contact TO '{folder}/out.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "CALL pragma_version()",
        "",
        "selec 1",
        "SELECT * FROM no_such_table",
    ],
)
def test_everything_but_reading_this_store_is_refused(
    xmit: Xmit, query: str, tmp_path_factory: pytest.TempPathFactory
):
    """SPEC 10: one read-only query; no file beside the store is read or written."""
    folder = tmp_path_factory.mktemp("beside")
    said = xmit("sql", query.format(folder=folder))
    assert said.code == 1
    assert said.out == ""
    assert said.err.startswith("xmit: ")
    assert "Traceback" not in said.err
    assert list(folder.iterdir()) == []


def test_both_forms_at_once_are_refused(xmit: Xmit):
    said = xmit("sql", "SELECT 1", "--json", "--csv")
    assert (said.code, said.err) == (1, "xmit: Choose one of --json and --csv.\n")
