"""Forms as browsers write them: both ways read alike, and what is no form is refused in words."""

from contextlib import suppress
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.dashboard.form import URLENCODED, Form, read_form
from xmit_pipeline.model.errors import BadInput

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=40)


@given(st.dictionaries(st.sampled_from(["name", "q", "bodyHtml"]), TEXTS))
def test_both_ways_read_alike(fields: dict[str, str]) -> None:
    """Whatever was typed, by a plain form and by one that may carry files."""
    plain = read_form(URLENCODED, urlencode(fields).encode())
    request = httpx.Request("POST", "http://x", files={name: (None, value) for name, value in fields.items()})
    mixed = read_form(request.headers.get("content-type", URLENCODED), request.read())

    for name in ("name", "q", "bodyHtml"):
        assert plain.text(name) == mixed.text(name) == fields.get(name, "")


def test_file_is_kept_byte_for_byte() -> None:
    content = b"email\r\n--not-the-end\r\nada@example.org\r\n\x00\xff"
    request = httpx.Request("POST", "http://x", files={"file": ('a "b".csv', content)}, data={"csrf": "t"})

    form = read_form(request.headers["content-type"], request.read())

    assert form.files["file"].content == content
    assert form.text("csrf") == "t"


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
