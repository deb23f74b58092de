"""The main job, end to end: 250 people, three steps, simulated days, into the sandbox (SPEC 2, 5, 6)."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson
import pytest

from tests.campaigns import START, World, opened_world
from xmit_pipeline.rendering.plain import render_plain
from xmit_pipeline.rendering.source import StepSource, compile_step
from xmit_pipeline.sandbox.server import running_sandbox

HOSTILE = [
    "{{ email }}", "{% if x %}", "<script>alert(1)</script>", "-0-", "a & b", '"quoted"', "back\\slash",
    "\U0001f984 \U00020000", "Anna\r\nBcc: x@example.com", "Zoë", " ", "", "-deadbeef0000-1-", "{{", "}}", "%}",
    "<!--", "it's", "a\tb", "名前",
]  # fmt: skip
SUBJECT = "Welcome {{ firstName | default: 'friend' }} of {{ company }}"
BODY = """<html><body><h1>Hello {{ firstName }} {{ lastName }}</h1>
{% if company contains "1" %}<p>One of {{ company | upcase }}</p>{% else %}<p>{{ company }}</p>{% endif %}
<p>You are {{ email }}. <a href="https://shop.example/?who={{ email | url_encode }}">Shop</a></p></body></html>"""


def people() -> list[dict[str, object]]:
    """250 contacts; every hostile value stands in a first name, a last name and a company."""
    return [
        {
            "email": f"person{number}@example.net",
            "first_name": HOSTILE[number % len(HOSTILE)] or None,
            "last_name": HOSTILE[(number * 7 + 3) % len(HOSTILE)] or None,
            "metadata": {"company": HOSTILE[(number * 3 + 1) % len(HOSTILE)]},
        }
        for number in range(250)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The series, ticked around the minute of every due time and every six hours between."""
    with running_sandbox() as sandbox, opened_world(tmp_path_factory.mktemp("series"), sandbox) as world:
        world.domain()
        sequence = world.sequence((0, 2, 3), body=BODY, subject=SUBJECT)
        world.enroll(sequence, world.contacts(people()))
        for hours in range(0, 6 * 24, 6):
            moment = START + timedelta(hours=hours)
            for minutes in (-1, 0, 1) if hours % 24 == 0 else (0,):
                world.tick(moment + timedelta(minutes=minutes))
        yield world


def test_each_person_gets_each_step_once(run: World):
    sent = run.rows(
        "SELECT contact_id, step_id, count(*) AS times FROM message WHERE state = 'sent' GROUP BY ALL"
    )
    assert len(sent) == 250 * 3
    assert {row["times"] for row in sent} == {1}
    assert Counter(run.delivered().values()) == {1: 750}


def test_nobody_early_and_at_the_same_minute(run: World):
    """PAINS B1, B2, B3: the golden timeline 0, 2, 5 days, each counted from the post before."""
    rows = run.rows("""
        SELECT step.position, min(sent_at) AS first, max(sent_at) AS last
        FROM message JOIN step ON step.id = message.step_id GROUP BY position ORDER BY position
    """)
    expected = [START + timedelta(days=days) for days in (0, 2, 5)]
    assert [(row["first"], row["last"]) for row in rows] == [(moment, moment) for moment in expected]


def test_the_mail_is_what_plain_liquid_gives(run: World):
    """SPEC 5: byte for byte, for every contact and step, hostile values included."""
    step = compile_step(StepSource(SUBJECT, BODY, None))
    persons = {person["email"]: person for person in people()}
    rows = run.rows("SELECT 'msg_' || id_suffix(id) AS id, email, sent_at FROM message")
    sent_at = {row["id"]: row["sent_at"] for row in rows}
    mails = run.sandbox.mailbox.page(limit=1000).mails
    assert len(mails) == 750
    for mail in mails:
        url = mail.headers["List-Unsubscribe"].strip("<>")
        plain = render_plain(
            step, as_rendered(persons[mail.to], url), now=sent_at[mail.custom_args["xmit_message"]]
        )
        assert (mail.subject, mail.html, mail.text) == (plain.subject, plain.html, plain.text)


def test_every_mail_can_be_unsubscribed_from_with_one_click(run: World):
    """SPEC 5: a link in the body, and RFC 8058 headers."""
    for mail in run.sandbox.mailbox.page(limit=1000).mails:
        url = mail.headers["List-Unsubscribe"].strip("<>")
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert url in mail.html
        assert url in mail.text


def test_everyone_has_completed(run: World):
    assert run.rows("SELECT status, count(*) AS n FROM enrollment GROUP BY status") == [
        {"status": "completed", "n": 250}
    ]


def as_rendered(person: dict[str, object], url: str) -> dict[str, object]:
    """A person in the shape that rendering reads."""
    return {**person, "metadata": orjson.dumps(person["metadata"]).decode(), "unsubscribe_url": url}


def test_a_deferral_pushes_the_rest_back(world: World):
    """PAINS B2: step two counts from when step one really went, not from when it was due."""
    world.domain(warmup_on=True, table=[10], hold_target=True)
    sequence = world.sequence((0, 2))
    world.enroll(sequence, world.people(3))
    late = START + timedelta(days=4, minutes=7, seconds=31)
    world.tick(late)
    due = world.rows("SELECT DISTINCT due_at FROM enrollment")
    assert due == [{"due_at": minute(late) + timedelta(days=2)}]


def minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
