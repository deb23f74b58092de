"""A template's faults are found when the step is saved, each with its line (SPEC 5, SPEC 9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.rendering.bounds import OUTPUT_LIMIT
from xmit_pipeline.rendering.faults import TemplateFault
from xmit_pipeline.rendering.source import StepSource, compile_step, template_faults

FINE = StepSource("Hi {{ firstName }}", "<p>{{ company | default: 'you' }}</p>", None)

PIECES = st.sampled_from(["{{", "}}", "{%", "%}", "if", "a", "=", "|", "[", "\n", "{{ a }}", "{{ a | no }}"])
TAGS = st.sampled_from(
    ["if a", "else", "endif", "for x in a", "endfor", "case a", "when 1", "endcase", "raw", "comment"]
).map("{{% {} %}}".format)


def html_messages(html):
    return [fault["message"] for fault in template_faults(StepSource("s", html, None))]


def test_a_template_that_parses_has_none():
    assert template_faults(FINE) == []
    assert compile_step(FINE) is compile_step(FINE)


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("a\nb {{ c", "line 2: expected '}}', found end of file"),
        ("a\n\n{% if b %}\nc", "line 3: expected tag endif, found the end"),
        ("{{ a | }}\n", "line 1: expected word, found the end"),
        ("a\n{{ b | upcaes }}", "line 2: unknown filter 'upcaes'"),
        ("\n{% endif %}", "line 2: unexpected tag 'endif'"),
        ("{% frob %}", "line 1: unexpected tag 'frob'"),
        ("{{ " + "[" * 5000 + "a" + "]" * 5000 + " }}", "line 1: it is nested too deep"),
        ("{% if a %}" * 40 + "{% endif %}" * 40, "line 1: block nesting limit reached"),
        ("\n{% assign unsubscribe_url = 'x' %}", "line 2: 'unsubscribe_url' is the unsubscribe link"),
        (
            "{% capture unsubscribe_url %}{% endcapture %}",
            "line 1: 'unsubscribe_url' is the unsubscribe link",
        ),
        ("a\n\ud800", "line 2: a lone surrogate can't be written as UTF-8"),
        ("x" * (OUTPUT_LIMIT + 1), f"it is {OUTPUT_LIMIT + 1} bytes long; the limit is {OUTPUT_LIMIT}"),
        (" \n", "it is blank"),
    ],
)
def test_a_fault_is_told_with_its_line(html, message):
    assert html_messages(html)[0].startswith(message)


@pytest.mark.parametrize("tag", ["include", "render", "extends"])
def test_tags_that_read_other_templates_are_refused(tag):
    """SPEC 5: no file access."""
    assert html_messages(f"{{% {tag} '/etc/passwd' %}}") == [
        f"line 1: '{tag}' is not available: a template stands alone"
    ]


def test_every_fault_of_every_field_is_told():
    source = StepSource("", "{{ a | nope }}\n{{ b | nada }}", "{% if %}{% endif %}{{ c d }}\n{% foo %}")
    assert template_faults(source) == [
        {"field": "subject", "message": "it is blank"},
        {"field": "bodyHtml", "message": "line 1: unknown filter 'nope'"},
        {"field": "bodyHtml", "message": "line 2: unknown filter 'nada'"},
        {"field": "bodyText", "message": "line 1: expected the end, found word"},
        {"field": "bodyText", "message": "line 1: missing expression"},
        {"field": "bodyText", "message": "line 2: unexpected tag 'foo'"},
    ]


def test_a_block_that_fails_blames_no_closing_tag():
    html = "{% if x = %}{% if a %}1{% else %}2{% endif %}{% else %}3{% endif %}"
    assert html_messages(html) == ["line 1: expected the end, found '='"]


def test_compiling_raises_all_faults_in_words():
    with pytest.raises(TemplateFault, match="subject: it is blank; bodyHtml: it is blank") as raised:
        compile_step(StepSource("", "", None))
    assert isinstance(raised.value, XmitError)
    assert [fault["field"] for fault in raised.value.faults] == ["subject", "bodyHtml"]


@given(st.lists(PIECES | TAGS, min_size=1, max_size=12).map("".join))
def test_whatever_has_no_faults_compiles(html):
    source = StepSource("s", html + ".", None)
    if not template_faults(source):
        assert compile_step(source).html.nodes
    else:
        with pytest.raises(TemplateFault):
            compile_step(source)
