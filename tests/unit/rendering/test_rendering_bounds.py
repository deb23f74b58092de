"""Templates come from users: what they may spend is bounded, and a breach is one message's fault (SPEC 5)."""

import orjson
import pytest
from rendering_cases import LINKED, NOW, batch_of, joined, person, step

from xmit_pipeline.rendering.bounds import LOOP_LIMIT, OUTPUT_LIMIT
from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.plain import render_plain


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("{% for i in (1..20000) %}{% endfor %}", "items"),
        ("{% for i in (1..200) %}{% for j in (1..200) %}{% endfor %}{% endfor %}", "loop iteration limit"),
        ("{% for i in (1..999999999999) reversed %}{% endfor %}", "items"),
        ("{% for i in (1..999999999999) offset: 99999999999 %}{% endfor %}", "items"),
        ("{% tablerow i in (1..999999999) %}{% endtablerow %}", "items"),
        ("{{ (1..999999999999) | join: '' }}", "items"),
        ("{{ (1..9) | join: firstName }}{{ (1..9999) | join: lastName }}", "longer than"),
        ("{{ lastName | replace: '', lastName | replace: 'x', lastName }}", "longer than"),
        (
            "{% assign s = 'x' %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}",
            "namespace limit",
        ),
        ("{% assign n = 9 %}{% for i in (1..99) %}{% assign n = n | times: n %}{% endfor %}", "too large"),
        ("{% for i in (1..9999) %}{{ lastName }}{% endfor %}", "output stream limit"),
        (
            "{% capture s %}{% for i in (1..9999) %}{{ lastName }}{% endfor %}{% endcapture %}",
            "output stream limit",
        ),
        (
            "{% for i in (1..1500) %}{{ lastName }}{% endfor %}"
            "{% capture s %}{% for i in (1..800) %}{{ lastName }}{% endfor %}{% endcapture %}",
            "output stream limit",
        ),
        ("{% break %}", "'break' outside of a loop"),
        ("{{ 'a' | base64_decode }}", "invalid base64"),
        ("{{ '/w==' | base64_decode }}", "UnicodeDecodeError"),
    ],
)
def test_a_breach_is_a_fault_in_batch_and_preview(html, words):
    compiled = step("<p>" + html + LINKED)
    row = person(last_name="x" * 1000)
    with pytest.raises(RenderFault, match=words) as raised:
        render_plain(compiled, row, now=NOW)
    assert joined(batch_of(compiled, row)) == {"0": str(raised.value)}


@pytest.mark.parametrize(
    "output", ["{{ lastName | replace: '', lastName }}", "{{ (1..9999) | join: lastName }}"]
)
def test_multiplied_text_is_refused_before_it_is_made(output):
    """It would be 100 GB and more."""
    with pytest.raises(RenderFault, match="longer than"):
        render_plain(step(output), person(last_name="x" * 10_000_000), now=NOW)


def test_the_limit_is_each_persons_own():
    """Together they print more than one of them may."""
    crowd = [person(last_name=f"{number}" + "x" * 8000) for number in range(300)]
    batch = batch_of(step("{{ lastName | append: '' }}" + LINKED), *crowd)
    assert batch.fragments.height == len(crowd)


def test_loops_within_the_limits_go_through():
    html = f"{{% for i in (1..{LOOP_LIMIT}) %}}{{{{ i }}}}{{% endfor %}}" + LINKED
    mail = joined(batch_of(step(html), person()))["0"]
    assert mail.html.startswith("123")
    assert f"{LOOP_LIMIT}<a" in mail.html


def test_output_is_bounded_over_all_parts_of_a_body():
    """Each fragment is small; together with the static text they are not."""
    compiled = step("x" * (OUTPUT_LIMIT - 1000) + "{{ lastName }}" * 20 + LINKED)
    found = joined(batch_of(compiled, person(last_name="y" * 100), person(last_name="y")))
    assert "output stream limit" in found["0"]
    assert found["1"] == render_plain(compiled, person(last_name="y"), now=NOW)


def test_a_long_array_may_be_counted_and_looked_into():
    items = orjson.dumps(list(range(LOOP_LIMIT + 1))).decode()
    compiled = step("{{ a | size }} {{ a | first }} {{ a | last }} {{ b | default: a | size }}<")
    mail = joined(batch_of(compiled, person(metadata=f'{{"a": {items}}}')))["0"]
    assert mail.html.partition("<")[0] == f"{LOOP_LIMIT + 1} 0 {LOOP_LIMIT} {LOOP_LIMIT + 1}"


def test_line_ends_of_a_template_stay():
    """python-liquid's bounded buffer would make them all LF."""
    compiled = step("a\r\nb\r{{ firstName }}{{ 'x' }}\r\n" + LINKED)
    row = person(first_name="\n")
    mail = render_plain(compiled, row, now=NOW)
    assert mail.html.startswith("a\r\nb\r\nx\r\n<a")
    assert joined(batch_of(compiled, row)) == {"0": mail}
