"""How a batch is put together: skeleton, fragments, people rendered whole, people who failed (DESIGN 4)."""

import polars as pl
import pytest
from rendering_cases import LINK, LINKED, NOW, batch_of, crowd_of, joined, person, step

from xmit_pipeline.rendering.batch import render_batch
from xmit_pipeline.rendering.crowd import PEOPLE
from xmit_pipeline.rendering.plain import RenderedMail, render_plain
from xmit_pipeline.rendering.source import StepSource, compile_step
from xmit_pipeline.rendering.table import SUBSTITUTION_LIMIT


def test_static_text_and_fragments_alternate():
    batch = batch_of(
        step("<p>Hi {{ firstName }}!</p>" + LINKED, "Dear {{ firstName }}"), person(first_name="<Ada>")
    )
    assert batch.subject == ("Dear ", 0)
    assert batch.html == ("<p>Hi ", 1, '!</p><a href="', 2, '">out</a>')
    assert batch.text == ("Hi ", 3)
    assert batch.fragments.to_dicts() == [
        {"message_id": "0", "f0": "<Ada>", "f1": "&lt;Ada&gt;", "f2": LINK.replace("&", "&amp;"), "f3": LINK}
    ]


def test_equal_fragments_share_a_number():
    html = "{{ firstName }}{{ firstName }}{{ email | upcase }}{{ email | upcase }}"
    branches = "{% if a %}1{% endif %}{% if a %}2{% endif %}"
    batch = batch_of(step(html + branches + LINKED), person())
    assert batch.html == (0, 0, 1, 1, 2, 3, '<a href="', 4, '">out</a>')


def test_the_same_output_is_escaped_where_it_has_to_be():
    output = "{{ lastName | append: '' }}"
    row = person(last_name="<&\n>")
    mail = joined(batch_of(step(output + LINKED, output, output + "{{ unsubscribe_url }}"), row))["0"]
    assert (mail.subject, mail.html[:12], mail.text[:4]) == ("<& >", "&lt;&amp;\n&g", "<&\n>")


def test_branches_that_look_alike_are_not_confused():
    """python-liquid writes `empty`, `blank` and `nil` back as the same text; and subject and text have nodes 1."""
    html = "|".join(f"{{% if a == {word} %}}X{{% endif %}}" for word in ("empty", "blank", "nil"))
    compiled = step(
        f"{html}|{LINKED}", "S{% if a %}s{% endif %}", "T{% if a %}t{% endif %}{{ unsubscribe_url }}"
    )
    crowd = [person(metadata=found) for found in ('{"a": ""}', '{"a": " "}', "{}")]
    mails = joined(batch_of(compiled, *crowd))
    assert [mails[key].html[:5] for key in "012"] == ["X|X||", "|X||<", "||X|<"]
    assert [mails[key].subject + mails[key].text[:2] for key in "012"] == ["SsTt", "SsTt", "STh"]


def test_what_is_the_same_for_everybody_is_static():
    batch = batch_of(
        step("{{ 'now' | date: '%Y' }}{% for i in (1..3) %}{{ i }}{% endfor %}{# #}" + LINKED), person()
    )
    assert batch.html[0] == '2026123{# #}<a href="'
    assert batch.fragments.columns == ["message_id", "f0", "f1"]


def test_a_fault_that_everybody_has_fails_everybody():
    found = joined(batch_of(step("<p>\n{{ 1 | divided_by: 0 }}"), person(), person()))
    assert set(found.values()) == {"The HTML body did not render, line 2: divided_by: can't divide by 0"}


def test_a_faulty_value_fails_exactly_those_who_have_it():
    """SPEC 5: never the batch."""
    compiled = step("<p>{{ 12 | divided_by: n }}</p>{{ firstName | upcase }}" + LINKED)
    crowd = [person(metadata=f'{{"n": {n}}}') for n in (1, 0, 2, 0, 3)]
    batch = batch_of(compiled, *crowd)
    assert batch.failed.get_column("message_id").to_list() == ["1", "3"]
    assert batch.fragments.get_column("message_id").to_list() == ["0", "2", "4"]


def test_the_first_fault_is_told_as_plain_liquid_tells_it():
    subject, html = "{{ 1 | divided_by: a }}", "{{ 2 | modulo: b }}{{ 3 | divided_by: a }}"
    compiled = step("." + html + LINKED, "S" + subject)
    found = joined(
        batch_of(compiled, person(metadata='{"a": 0, "b": 0}'), person(metadata='{"a": 1, "b": 0}'))
    )
    assert found["0"].startswith("The subject did not render")
    assert found["1"] == "The HTML body did not render, line 1: modulo: can't divide by 0"


@pytest.mark.parametrize(
    "template",
    [
        "{% assign a = 1 %}",
        "{% capture a %}{% endcapture %}",
        "{% increment a %}",
        "{% decrement a %}",
        "{% cycle 1, 2 %}",
        "{% ifchanged %}x{% endifchanged %}",
        "{% for x in items offset: continue %}{% endfor %}",
        "{% for x in items offset: 'continue' %}{% endfor %}",
        "{% tablerow x in items offset: continue %}{% endtablerow %}",
        "{% if a %}{% for y in b %}{% assign c = y %}{% endfor %}{% endif %}",
        "{% liquid\nassign a = 1\n%}",
        "{{ [firstName] }}",
        "{{ a[[b]] }}",
    ],
)
@pytest.mark.parametrize("place", ["html", "subject", "text"])
def test_carried_state_renders_everybody_whole(template, place):
    given = {"html": "." + LINKED, "subject": "S", "text": "{{ unsubscribe_url }}"}
    batch = batch_of(step(**given | {place: template + given[place]}), person(), person(metadata="["))
    assert (batch.subject, batch.html, batch.text) == ((), (), ())
    assert (batch.fragments.shape, batch.whole.height, batch.failed.height) == ((0, 1), 1, 1)


def test_people_beyond_the_substitution_limit_go_whole():
    """Bytes of UTF-8, and 40 for the tag of each."""
    compiled = step("{{ lastName }}{{ lastName }}" + LINKED, text="{{ unsubscribe_url }}")
    spent = len(LINK.replace("&", "&amp;")) + len(LINK) + 3 * 40
    room = SUBSTITUTION_LIMIT - spent
    crowd = [person(last_name=name) for name in ("x" * room, "x" * (room + 1), "é" * (room // 2 + 1))]
    batch = batch_of(compiled, *crowd)
    assert batch.fragments.get_column("message_id").to_list() == ["0"]
    assert batch.whole.get_column("message_id").to_list() == ["1", "2"]
    assert joined(batch) == {str(i): render_plain(compiled, row, now=NOW) for i, row in enumerate(crowd)}


def test_loop_variables_do_not_hide_a_persons_names():
    """The `else` of a loop reads the person's own name."""
    compiled = step("{% for x in items %}{{ x }}{% else %}{{ x }}{% endfor %}." + LINKED)
    found = joined(batch_of(compiled, person(metadata='{"x": "mine"}'), person(metadata='{"x": "yours"}')))
    assert [mail.html.partition(".")[0] for mail in found.values()] == ["mine", "yours"]


def test_a_batch_of_nobody_is_empty():
    batch = render_batch(step("{{ a | upcase }}{{ firstName }}" + LINKED), crowd_of(), now=NOW)
    assert (batch.fragments.height, batch.whole.height, batch.failed.height) == (0, 0, 0)


def test_columns_of_nothing_but_nulls_are_taken():
    people = pl.DataFrame([person(first_name=None)])
    assert people.schema["first_name"] == pl.Null
    batch = render_batch(step("{{ firstName }}{{ lastName | default: 'x' }}" + LINKED), people, now=NOW)
    assert batch.fragments.schema.dtypes() == [pl.String] * len(batch.fragments.columns)


def test_order_and_repeats_of_message_ids_do_not_matter():
    people = pl.DataFrame([person(first_name=name) | {"message_id": "m"} for name in "ba"], schema=PEOPLE)
    for html in ("{{ firstName }}", "{% assign a = 1 %}{{ firstName }}"):
        batch = render_batch(step(html + LINKED), people, now=NOW)
        assert batch.fragments.height + batch.whole.height == 2


def test_a_step_compiled_once_serves_every_batch():
    source = StepSource(
        "Hi {{ firstName }}", "<p>{{ 'now' | date: '%H' }} {{ firstName | upcase }}</p>", None
    )
    first, second = (joined(batch_of(compile_step(source), person(first_name=name)))["0"] for name in "ab")
    assert isinstance(first, RenderedMail)
    assert (first.subject, second.subject) == ("Hi a", "Hi b")
    assert "00 A" in first.html
    assert "00 B" in second.html
