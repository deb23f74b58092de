"""Which names a template may use, and the text that each value prints as (SPEC 5)."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from rendering_cases import LINKED, NOW, batch_of, joined, person, step

from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.names import NO_METADATA
from xmit_pipeline.rendering.plain import RenderedMail, render_plain


def printed(template, row):
    """The text that the batch makes for one person, checked against plain Liquid."""
    compiled = step(text="." + template + "{{ unsubscribe_url }}")
    mail = joined(batch_of(compiled, row))["0"]
    assert mail == render_plain(compiled, row, now=NOW)
    return mail.text.removeprefix(".").removesuffix(row["unsubscribe_url"])


DEEP = "[" * 100 + "]" * 100


def with_metadata(**found):
    return person(metadata=orjson.dumps(found).decode())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("null", ""),
        ("0", "0"),
        ("-7", "-7"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551615", "18446744073709551615"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("1e22", "1e+22"),
        ("0.1", "0.1"),
        ('"1.0"', "1.0"),
        ('"null"', "null"),
        ('"[1]"', "[1]"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('"\\u0000"', "\0"),
        ('""', ""),
    ],
)
def test_a_value_prints_as_liquid_prints_it(value, text):
    """By polars, and by Liquid where a filter, though it changes nothing, asks for it."""
    row = person(metadata=f'{{"v": {value}}}')
    assert printed("{{ v }}", row) == text
    assert printed("{{ v | append: '' }}", row) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("true", "true"),
        ("false", "false"),
        ('[1, null, true, "a"]', "1NoneTruea"),
        ('{"a": [1, "b"]}', "{'a': [1, 'b']}"),
        ("[]", ""),
        ("{}", "{}"),
    ],
)
def test_other_types_print_as_python_liquid_does(value, text):
    assert printed("{{ v }}", person(metadata=f'{{"v": {value}}}')) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((empty, "you & me") for empty in ('""', "null", "false", "[]", "{}")),
        *(("0", "0"), ("0.0", "0.0"), ("true", "true"), ('" "', " "), ('"false"', "false")),
    ],
)
def test_default_stands_for_what_is_empty(value, text):
    row = person(metadata=f'{{"v": {value}}}')
    assert printed("{{ v | default: 'you & me' }}", row) == text
    assert printed("{{ v | default: 'you & me', allow_false: true }}", row) == {"false": "false"}.get(
        value, text
    )
    assert printed("{{ v | default: 'you & me' | upcase }}", row) == text.upper()
    assert printed("{{ v | default: w }}", person(metadata=f'{{"v": {value}, "w": "you & me"}}')) == text


def test_missing_is_empty_and_null_is_missing():
    row = person(first_name=None, metadata='{"a": null}')
    assert printed("[{{ a }}{{ gone }}{{ firstName }}{{ gone.b.c }}]", row) == "[]"
    assert printed("{{ 'x' | append: firstName | append: a }}", row) == "x"
    assert printed("{% if a or firstName or gone %}y{% else %}n{% endif %}", row) == "n"


def test_built_in_names_win_even_when_null():
    row = person(first_name=None, metadata='{"firstName": "Eve", "email": "eve@example.com", "b": 1}')
    assert printed("{{ firstName }}|{{ email }}|{{ b }}", row) == "|ada0@example.com|1"
    assert printed("{{ firstName | upcase }}|{{ email | upcase }}", row) == "|ADA0@EXAMPLE.COM"


@pytest.mark.parametrize(
    "key", ["partial", "message_id", "first_name", "metadata", "f0", "text a", "a-b", "x?"]
)
def test_any_key_of_the_metadata_is_a_name(key):
    row = with_metadata(**{key: "found"})
    assert printed(f"{{{{ ['{key}'] }}}}{{{{ ['{key}'] | upcase }}}}", row) == "foundFOUND"


def test_values_of_different_types_stay_apart():
    """Equal in Python, or equal as text: 1, 1.0, true and "1" are four values."""
    template = (
        "{% if v == 1 %}one{% endif %}{% if v == true %}yes{% endif %} {{ v | append: '' }} {{ v | size }}"
    )
    compiled = step(text=template + "{{ unsubscribe_url }}")
    crowd = [
        person(metadata=f'{{"v": {value}}}')
        for value in ("1", "1.0", "true", '"1"', '"1.0"', "null", '["A"]', '["a"]')
    ]
    found = joined(batch_of(compiled, *crowd))
    assert found == {str(i): render_plain(compiled, row, now=NOW) for i, row in enumerate(crowd)}
    assert len({mail.text for mail in found.values()}) == len(crowd)


@given(st.text())
def test_polars_escapes_as_markupsafe_does(name):
    mail = joined(batch_of(step("{{ firstName }}" + LINKED + "."), person(first_name=name)))["0"]
    assert mail.html.startswith(str(escape(name)) + "<a ")


@pytest.mark.parametrize(
    "name",
    [
        "{{ email }}",
        "{% raw %}",
        "}}",
        "<script>",
        "-f0-",
        "%name%",
        "\\1",
        "\U0001f600",
        "a\r\nb",
        "\0",
        "'\"",
    ],
)
def test_hostile_values_are_never_interpreted(name):
    row = person(first_name=name, last_name=name, metadata=orjson.dumps({"v": name}).decode())
    assert printed("{{ firstName }}{{ lastName | append: '' }}{{ v }}", row) == name * 3


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "null",
        "[]",
        '"a"',
        "1",
        "{",
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "{'a': 1}",
        None,
        f'{{"a": {DEEP}}}',
    ],
)
def test_bad_metadata_fails_that_person_alone(metadata):
    """Whatever the template reads; a lone surrogate is bad metadata too."""
    found = joined(batch_of(step(), person(metadata=metadata), person()))
    assert found["0"] == NO_METADATA
    assert isinstance(found["1"], RenderedMail)
    with pytest.raises(RenderFault, match="not a JSON object"):
        render_plain(step(), person(metadata=metadata), now=NOW)


def test_deep_metadata_within_the_limit_prints():
    deep = "[" * 99 + "1" + "]" * 99
    assert printed("{{ a }}{{ a | first }}", person(metadata=f'{{"a": {deep}}}')).startswith("[[")


def test_a_lone_surrogate_fails_the_preview():
    with pytest.raises(RenderFault, match="UnicodeEncodeError"):
        render_plain(step("{{ firstName }}"), person(first_name="\ud800"), now=NOW)
