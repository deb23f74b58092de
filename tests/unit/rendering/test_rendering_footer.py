"""The unsubscribe link is always there (SPEC 5)."""

import pytest
from rendering_cases import LINK, NOW, batch_of, joined, person, step

from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.plain import render_plain

ESCAPED = LINK.replace("&", "&amp;")


def html_of(html, **row):
    compiled = step(html)
    mail = render_plain(compiled, person(**row), now=NOW)
    assert joined(batch_of(compiled, person(**row))) == {"0": mail}
    return mail.html


def text_of(text, **row):
    return render_plain(step(text=text), person(**row), now=NOW).text


@pytest.mark.parametrize(
    "html",
    [
        '<a href="{{ unsubscribe_url }}">out</a>',
        "{{- unsubscribe_url -}}",
        "<a href='{{ unsubscribe_url | append: \"&a=1\" }}'>out</a>",
        "{% echo unsubscribe_url %}.",
        "<!-- note --><!--[if !mso]><!-->{{ unsubscribe_url }}<!--<![endif]-->",
        "<!-->{{ unsubscribe_url }}",
    ],
)
def test_a_body_that_prints_the_link_keeps_its_own(html):
    assert html_of(html).count(ESCAPED) == 1
    assert "clicktracking" not in html_of(html)


@pytest.mark.parametrize(
    "html",
    [
        "<p>Hi</p>",
        "<p>{% if vip %}{{ unsubscribe_url }}{% endif %}</p>",
        "<p>.{{ unsubscribe_url | size }}</p>",
        "<p>.{% comment %}{{ unsubscribe_url }}{% endcomment %}</p>",
        "<p>{% raw %}{{ unsubscribe_url }}{% endraw %}</p>",
        "<p>.{{ url.unsubscribe_url }}</p>",
        "<p>.<!-- {{ unsubscribe_url }} --></p>",
        "<style>a{b:{{ unsubscribe_url }}}</style>.",
        "<p>.{% assign link = unsubscribe_url %}</p>",
        "<p>.{% for unsubscribe_url in (1..2) %}{{ unsubscribe_url }}{% endfor %}</p>",
    ],
)
def test_a_body_that_may_not_show_it_gets_a_footer(html):
    """Only what is printed for everybody, where it is seen, counts."""
    assert html_of(html).rstrip().endswith(f'<a href="{ESCAPED}" clicktracking=off>Unsubscribe</a></p>')


@pytest.mark.parametrize(
    ("html", "before"),
    [
        ("<body><p>Hi</p></body></html>", "</body></html>"),
        ("<BODY>Hi</BODY >", "</BODY >"),
        ("<body>{{ email }}</body>{{ email }}</html>", "</body>ada0@example.com</html>"),
        ("<body></body>Hi</body>", "</body>"),
        ("<body>Hi</body><!-- </body> -->", "</body><!-- </body> -->"),
        ("<body>Hi</body><script>'</body>'</script>", "</body><script>'</body>'</script>"),
        ("Hi{% if email %}</body>{% endif %}", ""),
        ("Hi {% raw %}</body>{% endraw %}", "</body>"),
        ("Hi {% comment %}</body>{% endcomment %}", ""),
        ("Hi", ""),
    ],
)
def test_the_footer_stands_before_the_last_body_end(html, before):
    """A branch that not everybody takes is no place for it."""
    own, _, rest = html_of(html).partition('\n<p style="')
    assert own
    assert rest.partition("</a></p>\n")[2] == before


@pytest.mark.parametrize("text", ["Bye {{ unsubscribe_url }}", "{{ unsubscribe_url | escape }}"])
def test_a_text_that_prints_the_link_keeps_its_own(text):
    assert "Unsubscribe:" not in text_of(text)


@pytest.mark.parametrize("text", ["Bye", "{% if vip %}{{ unsubscribe_url }}{% endif %}Bye"])
def test_a_text_without_the_link_gets_a_line(text):
    assert text_of(text) == f"Bye\n\nUnsubscribe: {LINK}\n"


@pytest.mark.parametrize(
    "html", ["{% if vip %}Hi{% endif %}", " \n{{ lastName }}\u2003", "{% comment %}x{% endcomment %}"]
)
def test_our_footer_alone_is_a_blank_body(html):
    """SPEC 5: a blank rendered body skips that one message."""
    compiled = step(html)
    found = joined(batch_of(compiled, person(), person(last_name="L", metadata='{"vip": true}')))
    assert found["0"] == "The HTML body came out blank."
    with pytest.raises(RenderFault, match="HTML body came out blank"):
        render_plain(compiled, person(), now=NOW)
