"""Forms as browsers write them; what is no form is refused in words."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.dashboard.form import URLENCODED, Form, read_form
from xmit_pipeline.model.errors import BadInput

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=40)


@given(st.dictionaries(st.sampled_from(["name", "q", "bodyHtml"]), TEXTS))
def test_texts_are_read_as_typed(fields: dict[str, str]) -> None:
    form = read_form(URLENCODED, urlencode(fields).encode())
    for name in ("name", "q", "bodyHtml"):
        assert form.text(name) == fields.get(name, "")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\ntorn"),
        (URLENCODED, b"a=%ff"),
        (URLENCODED, "ä=1".encode()),
        (URLENCODED, b"&".join(b"a=1" for _ in range(3000))),
    ],
)
def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    """A sentence, never a traceback."""
    with pytest.raises(BadInput, match="form"):
        read_form(kind, body)


@given(st.binary(max_size=200), st.sampled_from([URLENCODED, "multipart/form-data; boundary=x"]))
def test_no_body_breaks_the_reader(body: bytes, kind: str) -> None:
    with suppress(BadInput):
        assert isinstance(read_form(kind, body), Form)


@pytest.mark.parametrize(
    ("typed", "read"), [("7", 7), (" -3 ", -3), ("", ""), ("7.5", "7.5"), ("9" * 30, "9" * 30)]
)
def test_number_is_whole_or_as_typed(typed: str, read: int | str) -> None:
    assert Form({"n": [typed]}).number("n") == read
