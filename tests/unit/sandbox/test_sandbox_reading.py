"""The words and links of a mail, as the inbox shows them."""

from datetime import UTC, datetime

from xmit_pipeline.sandbox.mail import Mail
from xmit_pipeline.sandbox.reading import Link, links, snippet


def mail(html: str | None, text: str | None = None) -> Mail:
    return Mail(
        number=0,
        request=1,
        message_id="id",
        accepted_at=datetime(2026, 3, 1, tzinfo=UTC),
        to="ada@example.com",
        to_name="",
        sender="hello@example.com",
        sender_name="",
        subject="Hello",
        html=html,
        text=text,
        headers={},
        custom_args={},
        categories=[],
    )


def test_a_snippet_prefers_the_plain_text() -> None:
    assert snippet(mail("<p>html</p>", "plain\n\n text")) == "plain text"


def test_a_snippet_of_html_leaves_code_out() -> None:
    html = "<head><title>T</title><style>p{}</style><body><p>Dear&nbsp;<b>Ada</b></p><script>x</script> you"

    assert snippet(mail(html)) == "Dear Ada you"


def test_a_snippet_is_short() -> None:
    assert len(snippet(mail(None, "word " * 500))) == 120


def test_links_are_listed_once_in_order() -> None:
    html = '<a href="https://b.example">B <i>two</i></a><a name="x">no</a><a href=" https://a.example ">A</a>'

    assert links(mail(html + html)) == [Link("https://b.example", "B two"), Link("https://a.example", "A")]


def test_links_that_run_code_are_not_safe() -> None:
    hrefs = [
        "https://a.example",
        "HTTP://a.example",
        "mailto:a@b.example",
        "JavaScript:x",
        "data:text/html,x",
        "//a",
        "",
    ]

    assert [Link(href).is_safe for href in hrefs] == [True, True, True, False, False, False, False]
