"""Files that can't be applied: every fault named with its line, and nothing changed (SPEC 9)."""

import pytest

from tests.campaigns import START
from tests.integration.declared.files import Desk
from xmit_pipeline.cli.declared_file import read_declaration
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.declared_apply import differences

STEP = "sequences:\n- name: Welcome\n  steps:\n  - name: Hello\n    subject: Hi\n    bodyHtml: <p>x</p>\n"
FIRST = "{email: a@b.com, default: true}"
SECOND = "{email: b@b.com, default: true}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sequence: []", "1: sequence: This key is not known; did you mean sequences?"),
        ("x: 1", "1: x: This key is not known; there are domains, senders, lists, sequences."),
        ("domains: {name: a.com}", "1: domains: It must be a list: lines that begin with a dash."),
        ("domains: [a.com]", "1: domains[0]: It must be a mapping: lines of `key: value`."),
        ("- a", "1: It must be a mapping: lines of `key: value`."),
    ],
)
def test_a_wrong_frame_is_told_with_its_line(desk: Desk, text: str, told: str):
    assert f"file.yaml:{told}" in refusal_of(desk, text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sujbect: x", ".sujbect: This key is not known; did you mean subject?"),
        ("delay: 2 dayz", ".delay: delayUnit is 'dayz'; it must be minutes, hours or days."),
        ("delay: -1 days", ".delay: A delay reads like 2 days, 1 hour or 30 minutes; 0 is at once."),
        ("delay: 5", ".delay: A delay reads like 2 days, 1 hour or 30 minutes; 0 is at once."),
        ("delay: true", ".delay: A delay reads like 2 days, 1 hour or 30 minutes; 0 is at once."),
        ("delay: 9999 days", ".delay: A delay of 9999 days is over ten years; give a shorter one."),
        ("sender: nobody", ".sender: This is not an e-mail address: it has no @."),
        ("bodyText: '{% if %}'", ".bodyText: "),
        ("bodyText: 12", ".bodyText: It must be text; put quotes around it."),
        ("subject: Hi", ".subject: This key is there twice."),
    ],
)
def test_a_wrong_line_of_a_step_is_told(desk: Desk, line: str, told: str):
    assert f"file.yaml:7: sequences[0].steps[0]{told}" in refusal_of(desk, f"{STEP}    {line}\n")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("    subject: Hi\n", "", "4: sequences[0].steps[0]: subject is missing."),
        ("Hi", "12", "5: sequences[0].steps[0].subject: It must be text; put quotes around it."),
        ("Hi", "'{{ x'", "5: sequences[0].steps[0].subject: "),
        ("<p>x</p>", "'{% if %}'", "6: sequences[0].steps[0].bodyHtml: "),
        ("bodyHtml", "bodyText", "4: sequences[0].steps[0]: A step has its HTML in bodyHtml, or in the file"),
        ("- name: Welcome\n", "- status: draft\n", "2: sequences[0]: name is missing."),
    ],
)
def test_what_a_step_lacks_is_told(desk: Desk, before: str, after: str, told: str):
    assert f"file.yaml:{told}" in refusal_of(desk, STEP.replace(before, after))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("status: live", "status: Input should be 'draft', 'active', 'paused' or 'archived'."),
        ("status: null", "status: It can't be null; leave it out to keep it."),
        ("triggerType: list_add", "triggerType: A list_add sequence needs triggerList: the list whose new"),
        ("priority: 1.5", "priority: "),
        ("priority: -1", "priority: "),
        ("reenroll: 1", "reenroll: It must be true or false."),
        ("steps: {}", "steps: It must be a list: lines that begin with a dash."),
    ],
)
def test_a_wrong_line_of_a_sequence_is_told(desk: Desk, line: str, told: str):
    assert f"file.yaml:3: sequences[0].{told}" in refusal_of(desk, f"sequences:\n- name: W\n  {line}\n")


def test_a_list_of_a_manual_sequence_is_told(desk: Desk):
    text = "sequences:\n- name: W\n  triggerType: api\n  triggerList: News\n"
    told = (
        "sequences[0].triggerList: No list starts a manual sequence; leave triggerList out, or say list_add."
    )
    assert f"file.yaml:4: {told}" in refusal_of(desk, text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("verified: 1", "verified: It must be true or false."),
        ("warmup: {start: 0}", "warmup.start: "),
        ("warmup: {factor: .nan}", "warmup.factor: "),
        ("warmup: {strat: 5}", "warmup.strat: This key is not known; did you mean start?"),
        ("warmup: true", "warmup: It must be a mapping: lines of `key: value`."),
        ("name: b.com", "name: This key is there twice."),
    ],
)
def test_a_wrong_line_of_a_domain_is_told(desk: Desk, line: str, told: str):
    assert f"file.yaml:3: domains[0].{told}" in refusal_of(desk, f"domains:\n- name: a.com\n  {line}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "domains:\n- name: nodots",
            "2: domains[0].name: This is not a domain name; one looks like example.com.",
        ),
        (
            "domains:\n- name: a.com\n- name: A.com",
            "3: domains[1].name: 'a.com' is there already, as domains[0].",
        ),
        ("senders:\n- email: nobody", "2: senders[0].email: This is not an e-mail address: it has no @."),
        (
            "senders:\n- email: a@b.com\n  default: false",
            "3: senders[0].default: Say true for the one default",
        ),
        ("senders:\n- email: a@b.com\n  default: null", "3: senders[0].default: It can't be null"),
        (f"senders:\n- {FIRST}\n- {SECOND}", "3: senders[1].default: Another sender is the default already"),
        ("lists:\n- name: ''", "2: lists[0].name: It must not be blank."),
        ("lists:\n- description: x", "2: lists[0]: name is missing."),
        (
            f"{STEP}  - name: Hello\n    subject: Hi\n    bodyHtml: x",
            "7: sequences[0].steps[1].name: 'Hello' is there",
        ),
    ],
)
def test_names_and_defaults_that_clash_are_told(desk: Desk, text: str, told: str):
    assert f"file.yaml:{told}" in refusal_of(desk, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lists: [\n", "file.yaml:2 is not YAML"),
        (
            "subject: Hello: you\n",
            "file.yaml:1 is not YAML: mapping values are not allowed here. A text with",
        ),
        (
            "lists: !!python/object/apply:os.system [ls]\n",
            "file.yaml:1 is not YAML: could not determine a constructor",
        ),
        ("a: 2026-13-45\n", "holds a value that can't be read"),
        (f"a: {'9' * 5000}\n", "holds a value that can't be read"),
        ("a: 1\n---\nb: 2\n", "file.yaml:2 is not YAML: but found another document"),
        ("a: \x00\n", "is not YAML"),
    ],
)
def test_what_is_no_yaml_is_told(desk: Desk, text: str, told: str):
    assert told in refusal_of(desk, text)


def refusal_of(desk: Desk, text: str) -> str:
    with pytest.raises(BadInput) as raised:
        read_declaration(desk.write(text))
    return str(raised.value)


def test_all_faults_are_told_at_once_in_order(desk: Desk):
    text = STEP.replace("Hi", "'{{ x'") + "lists:\n- name: ''\ndomains:\n- nam: a.com\n"
    with pytest.raises(BadInput) as raised:
        read_declaration(desk.write(text))
    assert [line.split(" ")[0] for line in str(raised.value).splitlines()[1:]] == [
        "file.yaml:8:", "file.yaml:10:", "file.yaml:10:",
    ]  # fmt: skip
    assert {fault["field"] for fault in raised.value.faults} == {
        "lists[0].name",
        "domains[0].nam",
        "domains[0]",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "lists: &loop\n- *loop\n",
        "{a: " * 2000 + "1" + "}" * 2000,
    ],
    ids=["aliases of aliases", "an alias of itself", "too deep"],
)
def test_files_made_to_explode_are_refused(desk: Desk, text: str):
    with pytest.raises(BadInput):
        read_declaration(desk.write(text))


@pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"lists:\n- name: \xe9\n"])
def test_a_file_that_is_no_utf8_is_refused(desk: Desk, content: bytes):
    path = desk.write("")
    path.write_bytes(content)
    with pytest.raises(BadInput, match="is not UTF-8"):
        read_declaration(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_can_not_be_read_is_named(desk: Desk, name: str):
    desk.folder.mkdir()
    with pytest.raises(BadInput, match="can't be read"):
        read_declaration(desk.folder / name)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "domains:\nsenders:\n", "lists: []\n"])
def test_a_file_of_nothing_changes_nothing(desk: Desk, text: str):
    declaration, _ = read_declaration(desk.write(text))
    assert (declaration.domains, declaration.senders, declaration.lists, declaration.sequences) == (
        (),
        (),
        (),
        (),
    )


def test_bodies_come_from_files_beside_it_to_the_letter(desk: Desk):
    desk.write("<p>Zoë</p>\r\n", "bodies/hello.html").write_bytes("<p>Zoë</p>\r\n".encode())
    desk.write("Zoë\n", "bodies/hello.txt")
    text = STEP.replace(
        "bodyHtml: <p>x</p>", "bodyFile: bodies/hello.html\n    bodyTextFile: bodies/hello.txt"
    )
    declaration, _ = read_declaration(desk.write(text))
    [step] = declaration.sequences[0].steps or ()
    assert (step.said["body_html"], step.said["body_text"]) == ("<p>Zoë</p>\r\n", "Zoë\n")


def test_a_missing_body_file_is_a_fault_of_its_line(desk: Desk):
    text = STEP.replace("bodyHtml: <p>x</p>", "bodyFile: nowhere.html")
    with pytest.raises(BadInput, match=r"file.yaml:6: sequences\[0\].steps\[0\].bodyFile: .*No such file"):
        read_declaration(desk.write(text))


def test_liquid_in_a_body_file_is_checked(desk: Desk):
    desk.write("{% if %}", "hello.html")
    text = STEP.replace("bodyHtml: <p>x</p>", "bodyFile: hello.html")
    with pytest.raises(BadInput, match=r"file.yaml:6: sequences\[0\].steps\[0\].bodyFile: "):
        read_declaration(desk.write(text))


def test_one_text_may_be_written_once_and_used_twice(desk: Desk):
    """YAML's own anchors."""
    text = (
        "sequences:\n- name: W\n  steps:\n"
        "  - {name: A, subject: Hi, bodyHtml: &body <p>x</p>}\n  - {name: B, subject: Hi, bodyHtml: *body}\n"
    )
    declaration, _ = read_declaration(desk.write(text))
    assert [step.said["body_html"] for step in declaration.sequences[0].steps or ()] == ["<p>x</p>"] * 2


def test_faults_that_the_store_finds_have_a_line_too(desk: Desk):
    path = desk.write("senders:\n- email: a@example.com\nsequences:\n- name: W\n  triggerList: Nowhere\n")
    declaration, source = read_declaration(path)
    found = differences(desk.world.store, declaration, START)
    assert str(source.refusal(found.faults)).splitlines() == [
        "file.yaml can't be applied; nothing was changed.",
        "file.yaml:2: senders[0]: The domain of a@example.com is not there; declare it under domains.",
        "file.yaml:5: sequences[0].triggerList: There is no list named 'Nowhere'; declare it under lists.",
    ]
