"""What is cut and joined again equals plain Liquid byte for byte, for everybody (SPEC 5, DESIGN 4)."""

import orjson
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from liquid import Environment
from liquid.exceptions import LiquidError, LiquidInterrupt
from rendering_cases import LINKED, NOW, batch_of, joined, person, step

from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.names import names_of
from xmit_pipeline.rendering.plain import RenderedMail, render_plain

NAMES = ["firstName", "lastName", "email", "a", "b", "items", "x", "forloop", "partial", "now?", "gone"]
HOSTILE = [
    "",
    " ",
    "Ada",
    "{{ email }}",
    "{% if %}",
    "%}{{",
    "<b>&'\"</b>",
    "&amp;",
    "\\",
    "-f0-",
    "\r\n",
    "a\nb",
    "\n",
    "\u2028x\x85",
    "\0",
    "\U0001f600",
    "é",
    "now",
    "1",
    "None",
    "10:30",
]

texts = st.sampled_from(HOSTILE) | st.text(max_size=8)
scalars = (
    texts
    | st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner, max_size=2),
    max_leaves=4,
)
metadata = st.dictionaries(st.sampled_from([*NAMES, "message_id", "text a", "f0"]), values, max_size=5)
people = st.builds(
    person,
    first_name=st.none() | texts,
    last_name=st.none() | texts,
    metadata=metadata.map(lambda found: orjson.dumps(found).decode())
    | st.sampled_from(["[]", "null", "{", ""]),
)

FILTERS = [
    "",
    " | upcase",
    " | escape",
    " | safe",
    " | default: 'you & me'",
    " | default: b",
    " | default: 'x' | upcase",
    " | default: 'x', allow_false: true",
    " | append: b",
    " | size",
    " | plus: 1",
    " | divided_by: b",
    " | date: '%Y-%m-%d %H'",
    " | join: ', '",
    " | first",
    " | newline_to_br",
    " | url_encode",
    " | truncate: 3",
    " | split: 'a' | join: '-'",
    " | sort | join: '-'",
    " | strip_html",
]
paths = st.sampled_from([*NAMES, "a.x", "a[0]", "items[b]", "a.size", "now", "['a']"])
outputs = st.builds(
    lambda dash, path, found, end: f"{{{{{dash} {path}{found} {end}}}}}",
    st.sampled_from(["", "-"]),
    paths,
    st.sampled_from(FILTERS),
    st.sampled_from(["", "-"]),
)
statics = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\r\n",
        "text ",
        "<p>",
        "</p>\n",
        "{ ",
        "}",
        "'",
        "é",
        "&nbsp;",
        "{% raw %}{{ a }}{% endraw %}",
        "{% comment %}{{ a }}{% endcomment %}",
        "{% # note %}",
    ]
)


def blocks(inner):
    """Tags around other templates."""
    body = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, paths, body, body),
        st.builds("{{%- unless {} == {} -%}}{}{{% endunless %}}".format, paths, paths, body),
        st.builds("{{% if {} contains 'a' and {} > 0 %}}{}{{% endif %}}".format, paths, paths, body),
        st.builds(
            "{{% for x in {} %}}{}{{{{ x }}}}{{{{ forloop.index }}}}{{% else %}}{}{{% endfor %}}".format,
            paths,
            body,
            body,
        ),
        st.builds("{{% for x in (1..{}) limit: 2 %}}{}{{% endfor %}}".format, paths, body),
        st.builds(
            "{{% case {} %}}{{% when 'Ada', 1 %}}{}{{% when b %}}B{{% else %}}{}{{% endcase %}}".format,
            paths,
            body,
            body,
        ),
        st.builds("{{% tablerow x in {} cols: 2 %}}{}{{% endtablerow %}}".format, paths, body),
        st.builds("{{% liquid\nif {}\necho {}\nendif\n%}}".format, paths, paths),
    )


stateless = st.recursive(outputs | statics, blocks, max_leaves=6)
stateful = st.sampled_from(
    [
        "{% assign b = a | upcase %}",
        "{% capture a %}{{ email }}{% endcapture %}",
        "{% increment a %}",
        "{% decrement b %}",
        "{% cycle 'p', 'q' %}",
        "{% for x in items limit: 1 %}{% endfor %}{% for x in items offset: continue %}{{ x }}{% endfor %}",
        "{% for x in items offset: 'continue' %}{{ x }}{% endfor %}",
        "{% ifchanged %}{{ a }}{% endifchanged %}",
        "{{ [a] }}",
        "{{ [firstName] }}",
    ]
)
templates = st.lists(stateless | stateless | stateless | stateful, max_size=5).map("".join)
subjects = st.lists(stateless, max_size=4).map("".join)


RELAXED = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def alone(compiled, row):
    """One person's mail, or the words of its failure."""
    try:
        return render_plain(compiled, row, now=NOW)
    except RenderFault as fault:
        return str(fault)


@RELAXED
@given(subjects, templates, templates, st.lists(people, min_size=1, max_size=5))
def test_joined_batch_equals_plain_liquid(subject, html, text, crowd):
    compiled = step(f"<i>.</i>{html}{LINKED}", f"S{subject}", f"{text}{{{{ unsubscribe_url }}}}")
    expected = {str(number): alone(compiled, row) for number, row in enumerate(crowd)}
    assert joined(batch_of(compiled, *crowd)) == expected


@RELAXED
@given(templates, people)
def test_plain_is_what_python_liquid_renders(template, row):
    """Our limits, clock and scope change nothing about templates that stay within them."""
    assume(not any(word in template + str(row) for word in ("partial", "now", "date")))
    compiled = step(f"<i>.</i>{template}{LINKED}", text=f"{template}{{{{ unsubscribe_url }}}}")
    mail = alone(compiled, row)
    assume(isinstance(mail, RenderedMail) or "more than 10000 items" not in mail)
    try:
        names = names_of(row)
        html = Environment(autoescape=True).from_string(f"<i>.</i>{template}{LINKED}").render(**names)
        text = Environment().from_string(f"{template}{{{{ unsubscribe_url }}}}").render(**names)
    except (LiquidError, LiquidInterrupt, RenderFault, ValueError, OverflowError, ArithmeticError):
        assert isinstance(mail, str)
    else:
        assert isinstance(mail, RenderedMail)
        assert (mail.html, mail.text) == (html, text)
