"""A sequence's page, the deeds that ask first, and its people (issue 7)."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from tests.campaigns import START, World, curve
from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Page, PageForm, Reader, TestClient
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import sequences, steps
from xmit_pipeline.store.dashboard_figures import sequence_figures
from xmit_pipeline.store.lists import create_list
from xmit_pipeline.store.metrics import refresh_step_metrics, step_stats
from xmit_pipeline.store.suppressions import suppress

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def house(world: World) -> Iterator[House]:
    """The site over the world's store, at the time of its ticks."""
    clock = MovableClock(START)
    with TestClient(create_site(world.store, world.settings, clock=clock)) as client:
        yield House(world.store, world.settings, clock, client)


@pytest.fixture
def sequence_id(world: World) -> UUID:
    """Two steps, the second after two days; 30 people, of whom a warmup lets 25 have the first."""
    world.domain(warmup_on=True, **curve(25, 100))
    sequence_id = world.sequence((0, 2))
    world.enroll(sequence_id, world.people(30))
    world.tick(START)
    return sequence_id


def address_of(sequence_id: UUID) -> str:
    return f"/sequences/{public_id(Kind.SEQUENCE, sequence_id)}"


def person(world: World, sequence_id: UUID, *, sent: bool) -> str:
    """The address of somebody who has the first step, or of somebody who waits for it."""
    [row, *_] = world.rows(
        "SELECT id FROM enrollment WHERE sequence_id = $id AND (last_sent_at IS NOT NULL) = $sent ORDER BY id",
        id=sequence_id, sent=sent,
    )  # fmt: skip
    return f"{address_of(sequence_id)}/enrollments/{public_id(Kind.ENROLLMENT, row['id'])}"


def numbers(page: Page) -> dict[str, str]:
    """The figures at the top of a page, by name."""
    words = page.html.split('<dl class="figures">')[1].split("</dl>")[0]
    parts = [part.split("</dt><dd>") for part in words.split("<dt>")[1:]]
    return {name: told.split("<")[0].strip() for name, told in parts}


def test_page_shows_the_apis_numbers(browser: Browser, sequence_id: UUID) -> None:
    """From one definition: sent, waiting for warmup, and people by status."""
    page = browser.get(address_of(sequence_id))

    found = numbers(page)
    assert (found["Active"], found["Sent"], found["Waiting for warmup"]) == ("30", "25", "5")
    listed = cells(browser.get("/sequences"))
    assert listed == ["Active", "API or by hand", "2", "30", "0", "0", "25", "5"]


@pytest.mark.parametrize("counted", [False, True])
def test_figures_are_those_of_the_api(world: World, sequence_id: UUID, *, counted: bool) -> None:
    """PAINS F2: before and after the materialized table is refreshed."""
    if counted:
        refresh_step_metrics(world.store, "tick-1", START + timedelta(minutes=1))
    with world.store.snapshot() as connection:
        mine = sequence_figures(connection, sequence_id, START).steps
        answered = step_stats(connection, sequence_id, START)

    assert [{name: step[name] for name in api} for step, api in zip(mine, answered, strict=True)] == answered
    assert sum(step["sent"] for step in mine) == 25


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("pause", "30 active people stay where they are"),
        ("archive", "30 people leave the sequence"),
    ],
)
def test_deed_says_how_many_first(
    world: World, browser: Browser, sequence_id: UUID, deed: str, words: str
) -> None:
    """Asked on a page of its own; nothing is done before its button."""
    address = address_of(sequence_id)
    asked = browser.send(browser.get(address), f"{address}/{deed}")

    assert words in asked.text
    assert world.rows("SELECT status FROM sequence")[0]["status"] == "active"
    page = browser.agree(asked)
    assert page.path == address
    assert world.rows("SELECT status FROM sequence")[0]["status"] == f"{deed}d"


def test_deleted_steps_keep_their_figures(world: World, browser: Browser, sequence_id: UUID) -> None:
    """The sums are those of the days; what only deleted steps sent has a line of its own."""
    [first] = world.rows("SELECT id FROM step WHERE name = 'step 1'")
    with world.store.transaction() as connection:
        steps.delete_step(connection, sequence_id, first["id"], START + timedelta(minutes=2))

    page = browser.get(address_of(sequence_id))

    assert numbers(page)["Sent"] == "25"
    assert "25 by deleted steps" in page.text
    assert "Steps that are deleted: 25 sent" in page.text


def test_subjects_are_shown_as_read(world: World, browser: Browser, sequence_id: UUID) -> None:
    """Liquid is for who writes it; in a person's history the words are their own, and an edit since is told."""
    words = "{% if firstName %}Hello {{ firstName }}{% endif %}"
    world.change("UPDATE step SET subject = $words", words=words)
    world.change("UPDATE contact SET first_name = 'Grace'")
    [sent] = world.rows("SELECT contact_id FROM message WHERE state = 'sent' LIMIT 1")
    contact = f"/contacts/{public_id(Kind.CONTACT, sent['contact_id'])}"
    address = address_of(sequence_id)

    shown = [browser.get(path).text for path in (address, f"{address}/steps", f"{address}/review")]
    history = browser.get(contact).text
    world.change("UPDATE step SET updated_at = $now", now=START + timedelta(days=1))

    assert all("Hello Ada" in text and "{%" not in text for text in shown)
    assert "Hello Grace" in history
    assert "The step was edited since" not in history
    assert "The step was edited since" in browser.get(contact).text


def test_live_sequence_has_tabs_and_no_stage(browser: Browser, sequence_id: UUID) -> None:
    """Nothing leads to an activation that would be refused."""
    address = address_of(sequence_id)
    for part in ("steps", "setup"):
        page = browser.get(f"{address}/{part}")
        assert f'<a href="{address}/{part}" aria-current="page">' in page.html
        assert "Review and activate" not in page.text


def test_resume_says_who_was_due_meanwhile(world: World, browser: Browser, sequence_id: UUID) -> None:
    """SPEC 2: five still wait for their place; they are spread over the window."""
    address = address_of(sequence_id)
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, START)

    asked = browser.send(browser.get(address), f"{address}/resume")

    assert "30 paused people go on" in asked.text
    assert "5 of them were due meanwhile" in asked.text
    assert "The sequence goes on." in browser.agree(asked).text


def test_missing_events_are_said_beside_figures(
    world: World, house: House, browser: Browser, sequence_id: UUID
) -> None:
    """SPEC 7: events used to come, and none tells of mail that went seven hours ago."""
    world.change(
        "INSERT INTO event (kind, email, happened_at, folded_at) VALUES ('delivered', 'x@example.net', $at, $at)",
        at=START - timedelta(minutes=1),
    )
    assert "events are missing" not in browser.get(address_of(sequence_id)).text

    house.clock.moment = START + timedelta(hours=7)

    assert "events are missing since" in browser.get(address_of(sequence_id)).text


def test_archived_sequence_is_deleted_knowingly(browser: Browser, sequence_id: UUID) -> None:
    address = address_of(sequence_id)
    browser.agree(browser.send(browser.get(address), f"{address}/archive"))

    asked = browser.send(browser.get(address), f"{address}/delete")

    assert "30 people have been in it" in asked.text
    assert browser.agree(asked).path == "/sequences"
    assert browser.get(address).status == 404


def test_active_sequence_is_not_deleted(browser: Browser, sequence_id: UUID) -> None:
    """SPEC 2: 409, as a page that says what to do."""
    address = address_of(sequence_id)
    token = browser.get(address).form("/sign-out").fields["csrf"]

    page = browser.post(f"{address}/delete", {"csrf": token})

    assert page.status == 409
    assert "archive it before you delete it" in page.text


def test_archived_sequence_outlives_its_list(world: World, browser: Browser) -> None:
    """A list may go once its sequences are archived; their pages stay."""
    with world.store.transaction() as connection:
        list_id = create_list(connection, "Newsletter", START)
    world.domain()
    sequence_id = world.sequence((0,), list_id=list_id)
    with world.store.transaction() as connection:
        sequences.archive(connection, sequence_id, START)
    world.change("UPDATE list SET deleted_at = $now", now=START)

    for part in ("", "/review", "/setup", "/enrollments"):
        assert browser.get(f"{address_of(sequence_id)}{part}").status == 200


def test_step_is_deleted_with_its_number(browser: Browser, sequence_id: UUID) -> None:
    steps = browser.get(f"{address_of(sequence_id)}/steps")
    form = next(form for form in page_forms(steps) if form.action.endswith("/delete"))

    asked = browser.post(form.action, form.fields)

    assert "5 people wait for this step" in asked.text
    assert "step 2" in browser.agree(asked).text


def test_held_step_is_released_from_its_page(world: World, browser: Browser, sequence_id: UUID) -> None:
    """SPEC 5: the reason stands there, and both ways on."""
    world.change(
        "UPDATE step SET held_at = $now, hold_reason = 'too many renders failed' WHERE name = 'step 1'",
        now=START,
    )
    page = browser.get(address_of(sequence_id))
    assert "too many renders failed" in page.text
    form = next(form for form in page_forms(page) if form.fields.get("skipFailing") == "yes")

    browser.post(form.action, form.fields)

    assert world.rows("SELECT held_at, skip_failing FROM step WHERE name = 'step 1'") == [
        {"held_at": None, "skip_failing": True}
    ]


def test_person_has_a_timeline(world: World, browser: Browser, sequence_id: UUID) -> None:
    """Enrolled, what they got, and what they wait for."""
    had = browser.get(person(world, sequence_id, sent=True)).text
    assert had.index("Enrolled") < had.index("step 1 Sent")
    assert "'step 2', is due on" in had

    waits = browser.get(person(world, sequence_id, sent=False)).text
    assert "no place of this warmup day is left" in waits


def test_one_person_exits(world: World, browser: Browser, sequence_id: UUID) -> None:
    address = person(world, sequence_id, sent=True)

    asked = browser.send(browser.get(address), f"{address}/exit")
    assert "1 person" in asked.text
    page = browser.agree(asked)

    assert "taken out by hand" in page.text
    listed = browser.get(f"{address_of(sequence_id)}/enrollments?status=exited&reason=manual")
    assert "Exited 1" in listed.text
    assert "taken out by hand 1" in listed.text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 30),
        ("status=active", 30),
        ("status=exited", 0),
        ("q=person7@", 1),
        ("q=Name+1", 11),
        ("q=nobody", 0),
        ("status=strange", 30),
    ],
)
def test_people_are_filtered_and_searched(
    browser: Browser, sequence_id: UUID, query: str, count: int
) -> None:
    page = browser.get(f"{address_of(sequence_id)}/enrollments?{query}")
    assert page.status == 200
    assert page.html.count('<th scope="row">') == count


def test_pages_of_people_miss_nobody(world: World, browser: Browser, sequence_id: UUID) -> None:
    """Older and newer by marks: 120 more, over three pages and back."""
    world.enroll(sequence_id, world.people(120, prefix="more"))
    path, seen, pages = f"{address_of(sequence_id)}/enrollments", set[str](), 0
    link: str | None = path
    while link:
        page = browser.get(link)
        seen |= people_on(page)
        pages, last = pages + 1, page
        link = linked(page, "next")

    assert (pages, len(seen)) == (3, 150)
    back = browser.get(linked(last, "prev") or "")
    assert len(people_on(back)) == 50
    assert people_on(back) == people_on(browser.get(linked(browser.get(path), "next") or ""))


def test_person_is_enrolled_by_search(world: World, browser: Browser, sequence_id: UUID) -> None:
    """Who is in already can't be ticked; the one ticked is enrolled, as the API would."""
    world.contacts([{"email": "person99@example.net", "first_name": EVIL}])
    address = address_of(sequence_id)
    finder = browser.get(f"{address}/enroll?q=person9")
    assert EVIL not in finder.html
    assert finder.html.count("disabled aria-describedby") == 1
    assert "no mail goes to them" in finder.text or "in it" in finder.text

    [contact] = world.rows("SELECT id FROM contact WHERE email = 'person99@example.net'")
    form = finder.form(f"{address}/enroll", "Enroll those ticked")
    page = browser.post(form.action, {**form.fields, "contactIds": public_id(Kind.CONTACT, contact["id"])})

    assert "1 person is enrolled." in page.text
    again = browser.post(form.action, {**form.fields, "contactIds": public_id(Kind.CONTACT, contact["id"])})
    assert "1 not: 1 enrolled before" in again.text


def test_test_mail_goes_to_its_address(world: World, browser: Browser, sequence_id: UUID) -> None:
    """SPEC 8: marked, and to nobody else; a suppressed or odd address is refused beside the field."""
    world.change("UPDATE domain SET warmup_state = 'inactive'")
    step = public_id(Kind.STEP, world.rows("SELECT id FROM step WHERE name = 'step 1'")[0]["id"])
    address = f"{address_of(sequence_id)}/steps/{step}"

    page = browser.press(browser.get(address), address, f"{address}/test", to="me@example.org")
    assert "The test went to me@example.org" in page.text
    assert any(mail.to == "me@example.org" for mail in world.sandbox.mailbox.page(limit=5, offset=0).mails)

    with world.store.transaction() as connection:
        suppress(connection, "stopped@example.org", SuppressionReason.MANUAL, START, source="test")
    for odd in ("nobody", "stopped@example.org"):
        unsaved = {"to": odd, "subject": "Not saved"}
        refused = browser.press(browser.get(address), address, f"{address}/test", **unsaved)
        assert (refused.status, bool(refused.fault("to"))) == (400, True)
        assert refused.form(address).fields["subject"] == "Not saved"


def test_test_mail_is_what_is_written(world: World, browser: Browser, sequence_id: UUID) -> None:
    """For the contact of the preview, and before it is saved; nothing is saved by it, and nothing is lost."""
    world.change("UPDATE domain SET warmup_state = 'inactive'")
    world.change("UPDATE contact SET first_name = 'Grace' WHERE email = 'person1@example.net'")
    step = public_id(Kind.STEP, world.rows("SELECT id FROM step WHERE name = 'step 1'")[0]["id"])
    address = f"{address_of(sequence_id)}/steps/{step}"
    written = {"subject": "New for {{ firstName }}", "previewFor": "person1@example.net"}

    page = browser.press(browser.get(address), address, f"{address}/test", to="me@example.org", **written)

    assert "The test went to me@example.org: [Test] New for Grace" in page.text
    assert page.form(address).fields.items() >= written.items()
    assert world.rows("SELECT subject FROM step WHERE name = 'step 1'")[0]["subject"] != written["subject"]


def page_forms(page: Page) -> list[PageForm]:
    return Reader(page.html).forms


def cells(page: Page) -> list[str]:
    """The first row of a page's table, its heading left out."""
    row = page.html.split("<tbody>")[1].split("</tr>")[0].split("<td")[1:]
    return [" ".join(Reader(f"<td{cell}").words).strip() for cell in row]


def people_on(page: Page) -> set[str]:
    return {part.split('"')[0] for part in page.html.split("/enrollments/")[1:]}


def linked(page: Page, rel: str) -> str | None:
    parts = page.html.split(f'rel="{rel}" href="')
    return parts[1].split('"')[0].replace("&amp;", "&") if len(parts) > 1 else None
