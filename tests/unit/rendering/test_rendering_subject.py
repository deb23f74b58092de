"""A subject is one line, unescaped, and never blank (SPEC 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_cases import NOW, batch_of, joined, person, step

from xmit_pipeline.rendering.plain import RenderedMail, render_plain

PIECES = ["a", " ", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "b"]
texts = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)


def subject_of(subject, **row):
    return joined(batch_of(step(subject=subject), person(**row)))["0"]


@pytest.mark.parametrize(
    "mark", ["\n", "\r", "\r\n", "\n\n\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029\n"]
)
def test_runs_of_line_breaks_become_one_space(mark):
    assert subject_of(f"a{mark}{{{{ firstName }}}}", first_name=f"x{mark}y").subject == "a x y"
    assert subject_of("{{ firstName | append: '' }}", first_name=f"x{mark}y").subject == "x y"


@given(texts, texts, st.none() | texts, texts)
def test_no_subject_holds_a_line_break(start, middle, name, end):
    """Also where the breaks of neighbouring parts meet."""
    compiled = step(subject=f"S{start}{{{{ firstName }}}}{middle}{{{{ firstName | append: '' }}}}{end}")
    row = person(first_name=name)
    mail = joined(batch_of(compiled, row))["0"]
    assert mail == render_plain(compiled, row, now=NOW)
    assert len(mail.subject.splitlines()) == 1


def test_a_subject_is_not_escaped():
    assert subject_of("{{ firstName }} & co", first_name="<O'Neil>").subject == "<O'Neil> & co"


@pytest.mark.parametrize(
    "subject", ["{{ lastName }}", "{% if vip %}x{% endif %} \n", "{{ lastName | upcase }}"]
)
def test_a_blank_subject_fails_that_person(subject):
    found = joined(
        batch_of(
            step(subject=subject),
            person(),
            person(last_name="\u2003\x1f"),
            person(last_name="L", metadata='{"vip":1}'),
        )
    )
    assert found["0"] == found["1"] == "The subject came out blank."
    assert isinstance(found["2"], RenderedMail)
