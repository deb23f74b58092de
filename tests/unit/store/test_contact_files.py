"""What becomes of a contact file's rows (SPEC 9, SPEC 10 `xmit import`)."""

import csv
import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.store.staged_files import staged
from xmit_pipeline.model.addresses import ADDRESS_EDGES, ADDRESS_PATTERN, address_fault, fold_address
from xmit_pipeline.store.contact_files import stage_contact_file
from xmit_pipeline.store.contact_files_values import EDGES, cleaned
from xmit_pipeline.store.contact_files_values import address_fault as address_fault_sql


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        yield connection


@pytest.fixture
def stage(con, tmp_path):
    return lambda content, name="contacts.csv", **overrides: staged(con, tmp_path / name, content, overrides)


# -- rows that are refused, and rows that are not


def test_bad_rows_are_reported_and_good_ones_staged(stage):
    """SPEC 9: line and reason."""
    result = stage(
        "Email Address,First Name,City\n"
        "ada@example.com,Ada,Bergen\n"
        "not-an-address,Bo,\n"
        ",Cy,\n"
        "dee@example.com,Dee\n"
        'eve@example.com,"Eve ""E"" Doe",Cork\n'
    )
    assert [contact["email"] for contact in result.contacts] == ["ada@example.com", "eve@example.com"]
    assert result.refused == [
        (3, "not-an-address", "This is not an e-mail address: it has no @."),
        (4, None, "There is no e-mail address."),
        (5, "dee@example.com", "The header has 3 columns, this row 2."),
    ]
    assert (result.file.rows, result.file.staged, result.file.refused, result.file.repeated) == (5, 2, 3, 0)


def test_a_rejected_row_moves_later_lines_down(stage):
    result = stage("email,city\na@example.com\nb@example.com,x\nc@example.com,y,z\nd@example.com,\nbad,\n")
    assert [contact["line"] for contact in result.contacts] == [3, 5]
    assert list(result.reasons) == [2, 4, 6]


def test_lines_are_records_as_spreadsheets_count(stage):
    result = stage('\n\nemail,note\na@example.com,"one\ntwo"\nbad,x\n')
    assert [contact["line"] for contact in result.contacts] == [4]
    assert list(result.reasons) == [5]


def test_rows_without_a_value_are_no_rows(stage):
    result = stage('email,city\n,\n" ","\t"\na@example.com,x\n,\n')
    assert (result.file.rows, result.file.refused) == (1, 0)


@pytest.mark.parametrize(
    ("tail", "end"),
    [
        ('b@example.com,"open', "\n"),
        ('b@example.com,"open{end}c@example.com,x{end}', "\r\n"),
        ('"b@example.com{end}', "\r"),
    ],
)
def test_a_quote_left_open_loses_nobody_silently(stage, tail, end):
    result = stage(f'email,note{end}"a@example.com",x{end}' + tail.format(end=end))
    assert result.only["email"] == "a@example.com"
    assert result.refused[0][:2] == (3, "b@example.com")
    assert ("lines after it" in result.reasons[3]) is ("c@" in tail)


def test_a_quote_inside_quotes_refuses_its_row_alone(stage):
    result = stage('email,note\na@example.com,"the "one" thing"\nb@example.com,6" pipe\n')
    assert result.only["metadata"] == {"note": '6" pipe'}
    assert "quote" in result.reasons[2]


def test_rows_written_inside_a_value_stay_there(con, tmp_path):
    """Two threads would meet in the middle of a quoted value and take its lines for people."""
    path = tmp_path / "notes.csv"
    note = "\n".join(f"fake{number}@example.com,row" for number in range(400))
    path.write_text("email,note\n" + "".join(f'p{n}@example.com,"\n{note}"\n' for n in range(1_000)))
    result = stage_contact_file(con, path, {})
    assert (result.staged, result.refused) == (1_000, 0)


def test_an_overlong_value_refuses_its_row(stage):
    result = stage(f"email,note\na@example.com,{'é' * 10_001}\nb@example.com,{'é' * 10_000}\n")
    assert result.reasons == {2: 'The value in "note" is longer than 10,000 characters.'}
    assert len(result.only["metadata"]["note"]) == 10_000


def test_a_column_left_out_refuses_no_row(stage):
    assert stage(f"email,note\na@example.com,{'x' * 10_001}\n", note="-").only["metadata"] == {}


# -- one contact an address


def test_a_repeated_address_becomes_one_contact(stage):
    """SPEC 9: later values fill; a blank erases nothing."""
    result = stage(
        "email,first name,last name,city,plan\n"
        "ada@example.com,Ada,,Bergen,trial\n"
        " ADA@Example.com ,,Byron,,team\n"
        "ada@example.com,,,Cork,\n"
    )
    assert result.only == {
        "line": 2,
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Byron",
        "timezone": None,
        "status": None,
        "metadata": {"city": "Cork", "plan": "team"},
    }
    assert (result.file.rows, result.file.staged, result.file.repeated) == (3, 1, 2)


def test_the_tightest_status_of_repeats_holds(stage):
    """SPEC 9: an import never loosens."""
    words = ("subscribed", "Cleaned", "unsubscribed", "bounced", "active")
    result = stage("email,status\n" + "".join(f"a@example.com,{word}\n" for word in words))
    assert result.only["status"] == "unsubscribed"


def test_a_word_of_status_can_only_tighten(stage):
    words = {
        "enabled": (None, {}),
        "blocklisted": ("unsubscribed", {}),
        "Opted-out": ("unsubscribed", {}),
        "cleaned": ("bounced", {}),
        "spam complaint": ("complained", {}),
        "gold": (None, {"status": "gold"}),
        "": (None, {}),
    }
    result = stage("email,status\n" + "".join(f"{n}@example.com,{word}\n" for n, word in enumerate(words)))
    said = [(contact["status"], contact["metadata"]) for contact in result.contacts]
    assert dict(zip(words, said, strict=True)) == words


def test_a_refused_row_that_says_no_is_heard(stage):
    result = stage("email,status,attributes\nA@example.com,unsubscribed,[]\na@example.com,enabled,\n")
    assert result.only["status"] == "unsubscribed"


def test_people_who_have_not_agreed_are_refused(stage):
    assert '"Pending"' in stage("email,status\na@example.com,Pending\n").reasons[2]


@pytest.mark.parametrize(
    ("header", "values", "statuses"),
    [
        ("UNSUB_TIME", ("2024-03-01 10:00:00", ""), ["unsubscribed", None]),
        ("CLEAN_TIME", ("2024-03-01 10:00:00", ""), ["bounced", None]),
        ("Unsubscribed from all email", ("TRUE", "False"), ["unsubscribed", None]),
        ("Accepts Email Marketing", ("no", "yes", ""), ["unsubscribed", None, None]),
        ("complained", ("1", "0"), ["complained", None]),
    ],
)
def test_a_column_that_says_no_is_heard(stage, header, values, statuses):
    rows = "".join(f"{number}@example.com,{value}\n" for number, value in enumerate(values))
    assert [contact["status"] for contact in stage(f"email,{header}\n{rows}").contacts] == statuses


# -- what the values become


def test_metadata_holds_filled_in_text_alone(stage):
    result = stage('Email,City,Plan,Tags\na@example.com,Bergen, ,"""x"",""y"""\n')
    assert result.only["metadata"] == {"city": "Bergen", "tags": '"x","y"'}


def test_names_keep_their_letters(stage):
    name = '👩\u200d🌾 Žofia "Z" <b>{{ x }}</b> \\ O\'Hara'
    quoted = name.replace('"', '""')
    assert stage(f'email,first name\na@example.com,"{quoted}"\n').only["first_name"] == name


def test_nul_and_edges_fall_off(stage):
    contact = stage("email,first name\n\ufeff a@example.com\u00a0,A\x00da\u200b\n").only
    assert (contact["email"], contact["first_name"]) == ("a@example.com", "Ada")


def test_a_listmonk_name_is_cut_at_its_first_space(stage):
    result = stage("email,name\na@example.com,Ada King Byron\nb@example.com,Bo\nc@example.com,\n")
    names = [(contact["first_name"], contact["last_name"]) for contact in result.contacts]
    assert names == [("Ada", "King Byron"), ("Bo", None), (None, None)]


def test_listmonk_attributes_become_metadata(stage):
    attributes = {
        "city": "Bergen",
        "seats": 3,
        "likes": ["a", None],
        "blank": " ",
        "none": None,
        "uuid": "mine",
    }
    quoted = json.dumps(attributes).replace('"', '""')
    result = stage(f'email,attributes,uuid\na@example.com,"{quoted}",theirs\nb@example.com,"{{""x"": 1}}",\n')
    assert [contact["metadata"] for contact in result.contacts] == [
        {"city": "Bergen", "seats": 3, "likes": ["a", None], "uuid": "theirs"},
        {"x": 1},
    ]


def test_a_column_metadata_of_objects_is_taken_field_by_field(stage):
    contact = stage('email,Metadata,seats\na@example.com,"{""plan"": ""gold"", ""seats"": 1}",3\n').only
    assert contact["metadata"] == {"plan": "gold", "seats": "3"}


def test_attributes_that_are_no_object_are_refused(stage):
    cells = ("[1]", "tall", "{x", "{'a':NaN}", "{'a':-Infinity}", "'{}'")
    rows = [f'{number}@example.com,"{cell}"\n'.replace("'", '""') for number, cell in enumerate(cells)]
    result = stage("email,attributes\n" + "".join(rows))
    assert all('--map "attributes=notes"' in reason for reason in result.reasons.values())
    assert len(result.refused) == len(cells)


def test_attributes_can_be_imported_as_text(stage):
    contact = stage("email,attributes\na@example.com,tall\n", attributes="notes").only
    assert contact["metadata"] == {"notes": "tall"}


def test_nan_inside_a_string_is_json(stage):
    assert stage('email,attributes\na@example.com,"{""a"": ""NaN \\""inf"",}"\n').only["metadata"] == {
        "a": 'NaN "inf'
    }


# -- the rules, against Python's own reading

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
addresses = st.one_of(
    texts,
    st.from_regex(ADDRESS_PATTERN, fullmatch=True),
    st.text("aA1.@-_+ \"'<,ü\u00a0\u212a\n", max_size=20),
    st.builds(
        "{}@{}.org".format, st.text("a.", min_size=1, max_size=70), st.text("b-.", min_size=1, max_size=200)
    ),
)


EDGE_CASES = [
    "\u212aelvin@example.com",
    "a@b.c",
    "a\n@example.com",
    *(f"{'x' * length}@example.com" for length in (64, 65)),
    *(f"a@{'b' * 63}.{'b' * 63}.{'b' * 63}.{'c' * length}" for length in (60, 61)),
]


@given(st.lists(addresses, min_size=10, max_size=50))
@settings(max_examples=12)
@example(EDGE_CASES)
def test_sql_and_python_agree_on_addresses(con, candidates):
    query = f"""
        SELECT lower(address), {address_fault_sql("address")}
        FROM (SELECT {cleaned("text")} AS address FROM unnest($texts) AS given(text))
    """  # noqa: S608  expressions of our own
    answers = con.execute(query, {"texts": candidates} | EDGES).fetchall()
    without_nul = [text.replace("\0", "") for text in candidates]
    assert [fault for _, fault in answers] == [address_fault(text) for text in without_nul]
    assert all(
        folded == fold_address(text)
        for (folded, fault), text in zip(answers, without_nul, strict=True)
        if not fault
    )


@given(
    st.lists(st.tuples(texts, texts), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=20)
def test_every_csv_that_python_writes_is_read_back(con, tmp_path_factory, values, delimiter, end):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    rows = [(f"p{number}@example.com", *pair) for number, pair in enumerate(values)]
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerows([("email", "first name", "note"), *rows])
    result = staged(con, path, None)
    assert result.refused == []
    assert [
        (one_line_end(c["first_name"]), one_line_end(c["metadata"].get("note"))) for c in result.contacts
    ] == [(one_line_end(name), one_line_end(note)) for _, name, note in rows]


def one_line_end(text):
    """A value without edges; a file whose line ends are mixed has them made alike."""
    plain = (text or "").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return plain.strip(ADDRESS_EDGES) or None
