"""The kinds of contact files: encodings, line ends, names, Parquet (SPEC 9, SPEC 10 `xmit import`)."""

import duckdb
import pytest

from tests.unit.store.staged_files import staged
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.contact_files import stage_contact_file


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        yield connection


@pytest.fixture
def stage(con, tmp_path):
    return lambda content, name="contacts.csv", **overrides: staged(con, tmp_path / name, content, overrides)


def parquet(con, path, query):
    con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return staged(con, path, None)


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ";"), ("utf-8-sig", "\t"), ("utf-16", ","), ("utf-16-be", ";"), ("cp1252", "\t")],
)
def test_encodings_and_delimiters_are_found(stage, encoding, delimiter):
    rows = "email|first name|note\r\na@example.com|Zoë €|x y\r\n"
    contact = stage(rows.replace("|", delimiter).encode(encoding)).only
    assert (contact["first_name"], contact["metadata"]) == ("Zoë €", {"note": "x y"})


def test_a_row_of_broken_bytes_is_refused(stage):
    good = "".join(f"a{number}@example.com,Žofia\r\n" for number in range(3))
    result = stage(f"email,first name\n{good}".encode() + b"b@example.com,Zo\xeb\nc@example.com,C\n")
    assert result.file.staged == 4
    assert result.refused == [
        (5, "b@example.com", "The row holds bytes that are not UTF-8; save the file as UTF-8.")
    ]


@pytest.mark.parametrize("quoted", [True, False])
def test_mixed_line_ends_are_one_file(stage, quoted):
    name = '"Ann\nLee"' if quoted else "Ann"
    result = stage(f"email,note\r\na@example.com,{name}\nb@example.com,x\r\nc@example.com,y")
    assert (result.file.staged, result.file.refused) == (3, 0)


@pytest.mark.parametrize("name", ["it's.csv", "a*.csv", "a?.csv", "a[b].csv", 'say "hi".csv'])
def test_a_file_name_is_taken_to_the_letter(stage, tmp_path, name):
    (tmp_path / "ab.csv").write_text("email\nanother@example.com\n")
    assert stage("email\na@example.com\n", name).only["email"] == "a@example.com"


def test_a_folder_of_a_partition_adds_no_column(con, tmp_path):
    (tmp_path / "month=2").mkdir()
    result = parquet(con, tmp_path / "month=2" / "x.parquet", "SELECT 'a@example.com' AS email")
    assert result.only["metadata"] == {}


def test_a_header_never_becomes_sql(stage):
    result = stage('email,"it\'s ""1""\n; DROP TABLE x --",{c0}\na@example.com,1,2\n')
    assert result.only["metadata"] == {"its1DropTableX": "1", "c0": "2"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "", "is empty"),
        ("x.csv", " \n,,\n", "is empty"),
        ("x.csv", "who,where\na@example.com,x\n", 'Columns found: "who", "where"'),
        ("x.csv", "\x01\x02\x00\x03", "neither CSV nor Parquet"),
        ("x.xlsx", b"PK\x03\x04rest", "workbook"),
        ("x.parquet", "email\n", "called Parquet, but isn't"),
        ("x.parquet", b"PAR1 no more of it PAR1", "can't be read as Parquet"),
    ],
)
def test_a_file_of_another_kind_is_refused_whole(stage, name, content, words):
    with pytest.raises(BadInput, match=words):
        stage(content, name)


def test_a_path_without_a_file_is_refused(con, tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        stage_contact_file(con, tmp_path / "none.csv", {})
    with pytest.raises(BadInput, match="is no file"):
        stage_contact_file(con, tmp_path, {})


def test_a_header_alone_is_a_file_of_nobody(stage):
    assert stage("email,name").file.rows == 0


def test_only_the_two_tables_stay(con, stage):
    stage("email\na@example.com\n")
    stage("email\nbad\n")
    assert con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == [
        ("refused_row",),
        ("staged_contact",),
    ]


# -- Parquet


def test_parquet_values_keep_their_types(con, tmp_path):
    result = parquet(
        con,
        tmp_path / "x.parquet",
        """
        SELECT 'A@example.com' AS "E-mail", 'Ada' AS first_name, 3 AS seats, 2.5::DOUBLE AS score,
            true AS vip,
            1.50::DECIMAL(6, 2) AS price, 'nan'::DOUBLE AS gone, NULL::INTEGER AS nothing, '7' AS digits,
            DATE '2024-02-29' AS since, TIMESTAMPTZ '2024-02-29 10:00:00+02' AS seen,
            {'town': 'Cork', 'zip': NULL} AS home, [1, 2] AS sizes, MAP {'k': true} AS flags, ' ' AS blank
        """,
    )
    assert (result.only["line"], result.only["email"], result.only["first_name"]) == (
        1,
        "a@example.com",
        "Ada",
    )
    assert result.only["metadata"] == {
        "seats": 3,
        "score": 2.5,
        "vip": True,
        "price": 1.5,
        "digits": "7",
        "since": "2024-02-29",
        "seen": "2024-02-29T08:00:00Z",
        "home": {"town": "Cork", "zip": None},
        "sizes": [1, 2],
        "flags": {"k": True},
    }


def test_parquet_rows_are_merged_and_refused_alike(con, tmp_path):
    result = parquet(
        con,
        tmp_path / "x.parquet",
        """
        FROM (VALUES ('a@example.com', 1, false), ('bad', 2, false), ('A@example.com', 3, true))
            AS given(mail, n, unsubscribed)
        """,
    )
    assert result.only["metadata"] == {"n": 3, "unsubscribed": True}
    assert result.only["status"] == "unsubscribed"
    assert list(result.reasons) == [2]


def test_what_json_cannot_say_stays_readable(con, tmp_path):
    result = parquet(con, tmp_path / "x.parquet", "SELECT 'a@example.com' AS email, ['inf'::DOUBLE] AS odd")
    assert result.only["metadata"] == {"odd": "[Infinity]"}
