"""Tags are replaced as SendGrid replaces them, hazards included."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.sandbox.substitution import LEVELS, Substitution

PLAIN = st.text(alphabet=st.characters(blacklist_characters="-", blacklist_categories=("Cs",)), max_size=20)


@given(values=st.lists(PLAIN, min_size=1, max_size=8), texts=st.lists(PLAIN, min_size=9, max_size=9))
def test_values_stand_where_tags_stood(values: list[str], texts: list[str]) -> None:
    """Text around the tags, and values whatever they hold, come out untouched."""
    tags = [f"-tag{number}-" for number in range(len(values))]
    template = "".join(text + tag for text, tag in zip(texts, tags, strict=False)) + texts[-1]
    expected = "".join(text + value for text, value in zip(texts, values, strict=False)) + texts[-1]

    assert Substitution(dict(zip(tags, values, strict=True))).resolve(template) == expected


def test_the_longest_tag_wins() -> None:
    """SendGrid, substitutions: tags that are prefixes of each other are dangerous."""
    assert Substitution({"-a": "short", "-ab": "long"}).resolve("-ab -a") == "long short"


def test_a_tag_inside_a_value_expands() -> None:
    """A contact whose name is another tag sees through it; the engine has to prevent this."""
    assert Substitution({"-name-": "-secret-", "-secret-": "42"}).resolve("Hi -name-") == "Hi 42"


def test_nesting_ends_after_four_levels() -> None:
    chain = {f"-{level}-": f"-{level + 1}-" for level in range(9)}

    assert Substitution(chain).resolve("-0-") == f"-{LEVELS}-"


def test_a_tag_that_multiplies_stays_bounded() -> None:
    """Mail is opened by people: no value may fill the memory."""
    assert len(Substitution({"a": "a" * 9000}).resolve("a")) == 9000


@pytest.mark.parametrize(("values", "text"), [({}, "-a-"), ({"": "x"}, "-a-"), ({"-b-": "x"}, "-a-")])
def test_text_without_tags_is_left_alone(values: dict[str, str | None], text: str) -> None:
    assert Substitution(values).resolve(text) == text


def test_null_stands_for_nothing() -> None:
    assert Substitution({"-a-": None}).resolve("[-a-]") == "[]"


@given(tag=st.text(min_size=1, max_size=6), text=st.text(max_size=30))
def test_tags_are_never_patterns(tag: str, text: str) -> None:
    """A tag is plain text, dots and brackets included."""
    assert Substitution({tag: ""}).resolve(text) == _removed(tag, text)


def _removed(tag: str, text: str) -> str:
    for _ in range(LEVELS):
        text = re.sub(re.escape(tag), "", text)
    return text
