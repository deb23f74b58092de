"""Text is derived from the HTML template where none is given (SPEC 5)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError
from rendering_cases import LINK, NOW, person

from xmit_pipeline.rendering.environment import HTML, PLAIN
from xmit_pipeline.rendering.html_text import text_template
from xmit_pipeline.rendering.plain import render_plain
from xmit_pipeline.rendering.segments import Kind, segments
from xmit_pipeline.rendering.source import StepSource, compile_step


def text_of(html, metadata="{}", body_text=None, **row):
    compiled = compile_step(StepSource("S", html, body_text))
    return render_plain(compiled, person(metadata=metadata, **row), now=NOW).text.partition(
        "\n\nUnsubscribe:"
    )[0]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div>\n <div>Two<br>Three<br><br>Four</div>", "One\nTwo\nThree\n\nFour"),
        ("<h1>Head</h1>body", "Head\n\nbody"),
        ("<ul><li>One</li><li><p>Two</p></li></ul>", "- One\n\n- Two"),
        ("<table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table>", "A B\nC"),
        ("One<hr>Two", "One\n--------------------\nTwo"),
        ("so  <b>bold</b>\n\t<i>text</i> .", "so bold text ."),
        ("a&nbsp;&amp;&lt;b&gt; &eacute;&#233;", "a &<b> éé"),
        ("<html><head><title>T</title><style>p{}</style></head><body>B<script>x<y</script></body>", "B"),
        ("<head><title>T</title><body>B</body>", "B"),
        ("<div style='DISPLAY : none'>pre <div>inner</div> header<br></div>B", "B"),
        ("<!-- note --><!--[if mso]>x<![endif]-->B", "B"),
        ("<![x]>A<![if !mso]>B<![endif]><![CDATA[c]]>C", "ABC"),
        ("<img src=x alt='Logo & co'>", "Logo & co"),
        ("1 < 2 <a b", "1 < 2 <a b"),
    ],
)
def test_html_reads_as_lines_of_text(html, text):
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<a href='https://x.example/?a=1&amp;b=2'>See <b>it</b></a>.",
            "See it (https://x.example/?a=1&b=2).",
        ),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example"),
        ("<a href='https://x.example'><img src=y></a>", "https://x.example"),
        ("<a href='mailto:a@b.example'>a@b.example</a>", "a@b.example"),
        ("<a href='#top'>Top</a> <a name=x>Here</a>", "Top Here"),
        ("<a href='u1'>One<a href='u2'>Two", "One (u1)Two (u2)"),
        ("<a href='{{ url }}?a={{ email }}'>Go</a>", "Go (https://v.example?a=ada0@example.com)"),
        ("<a href='{% if url %}{{ url }}{% else %}none{% endif %}'>Go</a>", "Go (https://v.example)"),
        ("<a href='{x}'><p>Go</p></a><p>on</p>", "Go ({x})\n\non"),
    ],
)
def test_links_keep_label_and_address(html, text):
    assert text_of(html, metadata='{"url": "https://v.example"}') == text


@pytest.mark.parametrize(
    ("html", "with_x", "without_x"),
    [
        ("<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>", "A\n\nB\n\nC", "A\n\nC"),
        (
            "<p>A</p>{%- if x -%} <p>B</p> {%- else -%} <p>D</p> {%- endif -%}<p>C</p>",
            "A\n\nB\n\nC",
            "A\n\nD\n\nC",
        ),
        ("Hi{% if x %} {{ x }}{% endif %}, you", "Hi bee, you", "Hi, you"),
        ("<p {% if x %}class='{{ x }}'{% endif %}>A</p>", "A", "A"),
        ("<td {% if x %}>A</td>{% else %}>B</td>{% endif %}", "A", ">B"),
        ("<style>{% if x %}a{}{% endif %}</style>A", "A", "A"),
        ("<!-- {% if x %} -->A<!-- {% else %} -->B<!-- {% endif %} -->", "A", "B"),
        ("<head>{% assign y = x | default: 'none' %}</head>{{ y }}", "bee", "none"),
        ("{% case x %} <p> {% when 'bee' %}A{% else %}B{% endcase %}", "A", "B"),
        ("<tr class='{% cycle 1, 2 %}'><td>A</td></tr>", "A", "A"),
        ("{{ x | escape | default: 'a & b' }}", "bee", "a & b"),
        ("{% raw %}<b>{{ x }}</b>{% endraw %}{% comment %}<p>{{ x }}{% endcomment %}", "{{ x }}", "{{ x }}"),
        ("&#123;&#123; x }} {<b>{{ x }}</b>} {&#37; x %}", "{{ x }} {bee} {% x %}", "{{ x }} {} {% x %}"),
        ("<{% if x %}b{% else %}i{% endif %}>A", "A", "A"),
        ("liquid0x0z {{ x }}", "liquid0x0z bee", "liquid0x0z"),
    ],
)
def test_liquid_comes_through_as_it_is(html, with_x, without_x):
    assert text_of(html + "<p></p>", metadata='{"x": "bee"}').strip() == with_x
    assert text_of(html + "<p></p>").strip() == without_x


def test_a_loop_makes_a_line_for_each():
    html = "<p>Order</p><ul>{% for i in items %}<li>{{ i.n }} of {{ i.name }}</li>{% endfor %}</ul><p>End</p>"
    items = '{"items": [{"n": 1, "name": "<A>"}, {"n": 2, "name": "B & C"}]}'
    assert re.sub("\n+", "\n", text_of(html, items)) == "Order\n- 1 of <A>\n- 2 of B & C\nEnd"


def test_the_html_link_serves_the_text_too():
    html = "<p>Hi</p><a href='{{ unsubscribe_url }}'>Stop</a>"
    assert text_of(html) == f"Hi\n\nStop ({LINK})"


@pytest.mark.parametrize("blank", [None, "", " \n"])
def test_a_blank_text_is_derived(blank):
    assert text_of("<p>A</p>", body_text=blank) == "A"


def test_a_given_text_is_taken_as_it_is():
    assert text_of("<p>A</p>", body_text="<b>&amp;</b>\r\n{{ firstName }}") == "<b>&amp;</b>\r\nAda"


MARKUP = (
    r"<p> </p> <a\shref=' '> </a> < > <br/> <!-- --> <style>x</style> <li> <td> </ <head> <body> <img\salt='"
)
LIQUID = (
    "{{ a }}|{%- if a -%}|{% else %}|{% endif %}|{% for i in a %}|{% endfor %}|{% assign b = a %}"
    "|{% raw %}{{{% endraw %}|{%|&#123;|&lt;|{|x| "
)
PIECES = st.sampled_from([*MARKUP.replace("\\s", "\t").split(" "), *LIQUID.split("|")])


@given(st.lists(PIECES, max_size=14).map("".join))
def test_derived_text_always_parses_with_all_decisions(html):
    """Every tag that decides about other text is kept, unless no text at all could be made."""
    try:
        HTML.from_string(html)
    except LiquidError:
        return
    source = text_template(html)
    PLAIN.from_string(source)
    kept = [piece.source for piece in segments(source) if piece.kind is Kind.CONTROL]
    assert source == "" or sorted(kept) == sorted(p.source for p in segments(html) if p.kind is Kind.CONTROL)


def test_a_tag_that_never_ends_takes_no_time():
    """HTMLParser would look for its end from every "<" anew, for minutes."""
    assert text_template("<a " * 100_000).count("<a") == 100_000
