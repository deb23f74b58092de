"""The builder's three stages by plain forms: setup, steps, review and activate (issue 7)."""

from uuid import UUID

import pytest

from tests.integration.dashboard.client import Browser, House, Page, PageForm, Reader
from xmit_pipeline.dashboard.headers import PREVIEW_POLICY
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store import audit, senders, templates
from xmit_pipeline.store.contact_rows import create_contact
from xmit_pipeline.store.keys import KeyScope
from xmit_pipeline.store.lists import add_contacts, create_list
from xmit_pipeline.store.sequences import sequences_page
from xmit_pipeline.store.steps import live_steps

BODY = "<p>Hello {{ firstName }}</p>"


@pytest.fixture
def list_id(house: House) -> UUID:
    """A list with two people, and a default sender that may be used."""
    with house.changing() as connection:
        now = house.clock.now()
        domain_id = senders.add_domain(connection, "example.com", now, verified=True)
        senders.add_sender(connection, domain_id, "hello@example.com", now)
        people: list[UUID | None] = [
            create_contact(
                connection,
                now,
                email=f"{name}@example.org",
                first_name=name.title(),
                metadata='{"companyName": "Engines"}',
            )
            for name in ("ada", "grace")
        ]
        made = create_list(connection, "Newsletter", now)
        add_contacts(connection, made, people, now)
    return made


@pytest.fixture
def draft(browser: Browser) -> Page:
    """The steps' page of a new draft that is started by hand."""
    page = browser.get("/sequences/new")
    return browser.send(page, "/sequences", name="Welcome", triggerType="manual")


def add_step(browser: Browser, page: Page, **fields: str) -> Page:
    """One more step, by the form of the page that the steps' page links to."""
    editor = browser.get(f"{page.path}/new")
    given = {"name": "Hello", "subject": "Hello {{ firstName }}", "bodyHtml": BODY, **fields}
    return browser.send(editor, f"{page.path}/new", "Add the step", **given)


def test_three_stages_start_a_sequence(house: House, browser: Browser, list_id: UUID) -> None:
    """From nothing to active, without script; the review says how many it enrolls."""
    setup = browser.get("/sequences/new")
    steps = browser.send(
        setup, "/sequences", name="Welcome", triggerListId=public_id(Kind.LIST, list_id), enrollExisting="yes"
    )
    assert "No steps yet" in steps.text
    steps = add_step(browser, steps, delayAmount="0")
    steps = add_step(browser, steps, name="Question", delayAmount="2", delayUnit="days")
    assert "immediately" in steps.text
    assert "after 2 days" in steps.text

    review = browser.get(steps.path.replace("/steps", "/review"))
    assert "enrolls the 2 contacts on Newsletter" in review.text
    page = browser.send(review, steps.path.replace("/steps", "/activate"))

    assert "'Welcome' is active. 2 people are enrolled." in page.text
    with house.store.snapshot() as connection:
        [row] = sequences_page(connection)
    assert row["status"] == "active"


def test_changes_are_audited_by_the_keys_name(house: House, browser: Browser, draft: Page) -> None:
    """As the API audits the same calls, by the names of the fields and never their values."""
    add_step(browser, draft)

    with house.store.snapshot() as connection:
        found = {row["what"]: row for row in audit.audit_page(connection)}
    assert set(found) == {"create_sequence", "create_step"}
    assert {row["who"] for row in found.values()} == {"marketing"}
    assert "bodyHtml" in found["create_step"]["details"]
    assert "firstName" not in found["create_step"]["details"]
    assert '"sequenceId":"seq_' in found["create_step"]["details"]


@pytest.mark.parametrize(
    ("fields", "named", "words"),
    [
        ({"name": "  "}, "name", "at least 1 character"),
        ({"triggerType": "list_add", "triggerListId": ""}, "triggerListId", "needs triggerListId"),
        ({"triggerType": "sometimes"}, "triggerType", "list_add"),
        ({"priority": "high"}, "priority", "integer"),
        ({"resumeWindowMinutes": "-1"}, "resumeWindowMinutes", "greater than or equal to 0"),
    ],
)
def test_setup_fault_stands_beside_its_field(
    house: House, browser: Browser, fields: dict[str, str], named: str, words: str
) -> None:
    """SPEC 9: named, nothing written, and what was typed is kept."""
    page = browser.send(
        browser.get("/sequences/new"), "/sequences", **{"name": "Mine", "triggerType": "manual", **fields}
    )

    assert page.status == 400
    assert words in page.fault(named)
    if "name" not in fields:
        assert page.form("/sequences").fields["name"] == "Mine"
    with house.store.snapshot() as connection:
        assert sequences_page(connection) == []


@pytest.mark.parametrize(
    ("fields", "named", "words"),
    [
        ({"subject": "{{ firstName"}, "subject", "line 1"),
        ({"bodyHtml": "<p>\n{% if %}</p>"}, "bodyHtml", "line 2"),
        ({"bodyHtml": "   "}, "bodyHtml", ""),
        ({"delayAmount": "-1"}, "delayAmount", "greater than or equal to 0"),
        ({"delayAmount": "soon"}, "delayAmount", "integer"),
        ({"delayUnit": "fortnights"}, "delayUnit", "days"),
        ({"name": ""}, "name", "at least 1 character"),
    ],
)
def test_step_fault_stands_beside_its_field(
    browser: Browser, draft: Page, fields: dict[str, str], named: str, words: str
) -> None:
    page = add_step(browser, draft, **fields)

    assert page.status == 400
    assert page.fault(named)
    assert words.lower() in page.fault(named).lower()
    if named != "delayUnit":  # a choice has only its own
        assert page.form(f"{draft.path}/new").fields[named] == fields[named]


def test_review_names_what_is_missing(browser: Browser, draft: Page) -> None:
    """SPEC 2: no step and no sender; a draft that is activated nevertheless is refused on the same page."""
    add_step(browser, draft)
    address = draft.path.removesuffix("/steps")
    review = browser.get(f"{address}/review")
    assert "has no usable sender" in review.text

    page = browser.post(f"{address}/activate", review.form(f"{address}/activate").fields)

    assert page.status == 400
    assert "has no usable sender" in page.text


def test_steps_change_places_by_buttons(browser: Browser, draft: Page) -> None:
    add_step(browser, draft, name="First")
    page = add_step(browser, draft, name="Second")
    up = next(form for form in forms_of(page) if form.action.endswith("/move") and form.fields["to"] == "up")

    page = browser.post(up.action, up.fields)

    assert page.text.index("Second") < page.text.index("First")


def test_template_is_put_in_unsaved(house: House, browser: Browser, draft: Page) -> None:
    """Subject and body are the template's, the rest as it was typed; nothing is saved by it."""
    with house.changing() as connection:
        template_id = templates.create_template(
            connection,
            house.clock.now(),
            name="Warm",
            subject="Warm {{ firstName }}",
            body_html="<b>Warm</b>",
        )
    editor = browser.get(f"{draft.path}/new")

    fields = {
        **editor.form(f"{draft.path}/new").fields,
        "name": "Mine",
        "templateId": public_id(Kind.TEMPLATE, template_id),
    }
    page = browser.post(f"{draft.path}/new/fill", fields)

    filled = page.form(f"{draft.path}/new").fields
    assert (filled["name"], filled["subject"], filled["bodyHtml"]) == (
        "Mine",
        "Warm {{ firstName }}",
        "<b>Warm</b>",
    )
    assert "No steps yet" in browser.get(draft.path).text


def test_template_asks_before_it_replaces(house: House, browser: Browser, draft: Page) -> None:
    """What is written stays until somebody says that it may go."""
    with house.changing() as connection:
        warm = {"name": "Warm", "subject": "Warm", "body_html": "<b>Warm</b>"}
        template_id = templates.create_template(connection, house.clock.now(), **warm)
    path = f"{draft.path}/new"
    written = {
        "subject": "Mine",
        "bodyHtml": "<p>Mine</p>",
        "templateId": public_id(Kind.TEMPLATE, template_id),
    }

    asked = browser.press(browser.get(path), path, f"{path}/fill", **written)
    assert asked.form(path).fields.items() >= written.items()
    assert "Replace what is written" in asked.text
    page = browser.press(asked, path, f"{path}/fill", replaces="yes")

    assert page.form(path).fields["bodyHtml"] == "<b>Warm</b>"


def test_sender_gone_meanwhile_loses_no_words(
    house: House, browser: Browser, list_id: UUID, draft: Page
) -> None:
    """A sender or a list that was deleted since the page was opened is told beside its field."""
    setup, step = draft.path.replace("/steps", "/setup"), f"{draft.path}/new"
    editors = {path: browser.get(path) for path in (setup, step)}
    with house.changing() as connection:
        sender_id = public_id(Kind.SENDER, senders.senders(connection)[0]["id"])
        connection.execute("UPDATE sender SET deleted_at = now()")
        connection.execute("UPDATE list SET deleted_at = now()")
    body = {"name": "Kept", "subject": "Kept", "bodyHtml": "<p>Kept</p>"}

    written = browser.send(editors[step], step, "Add the step", senderId=sender_id, **body)
    named = browser.send(editors[setup], setup, name="Kept", senderId=sender_id)
    gone_list = public_id(Kind.LIST, list_id)
    listed = browser.send(editors[setup], setup, name="Kept", triggerType="list_add", triggerListId=gone_list)

    assert (written.status, named.status, listed.status) == (400, 400, 400)
    assert "no such sender" in written.fault("senderId")
    assert written.form(step).fields.items() >= body.items()
    assert "no such sender" in named.fault("senderId")
    assert "no such list" in listed.fault("triggerListId")
    assert listed.form(setup).fields["name"] == "Kept"


@pytest.mark.usefixtures("list_id")
def test_preview_shows_a_chosen_contact(browser: Browser, draft: Page) -> None:
    """What is typed, as Grace would get it; the form posts into the frame, so no script is needed."""
    form = browser.get(f"{draft.path}/new").form(f"{draft.path}/new")
    typed = {
        **form.fields,
        "subject": "For {{ firstName }}",
        "bodyHtml": "<i>{{ companyName }}</i>",
        "previewFor": "Grace@example.org",
    }

    page = browser.post(f"{draft.path.removesuffix('/steps')}/preview", typed)

    assert "For Grace" in page.text
    assert "&lt;i&gt;Engines&lt;/i&gt;" in page.html
    assert page.answer.headers["content-security-policy"] == PREVIEW_POLICY
    assert "Pictures from other servers" not in page.text


def test_preview_says_which_pictures_it_hides(browser: Browser, draft: Page) -> None:
    form = browser.get(f"{draft.path}/new").form(f"{draft.path}/new")
    typed = {**form.fields, "subject": "Hi", "bodyHtml": '<img src="https://pictures.example/a.png">'}

    page = browser.post(f"{draft.path.removesuffix('/steps')}/preview", typed)

    assert "Pictures from other servers are not loaded here" in page.text


@pytest.mark.usefixtures("list_id")
def test_reading_key_previews_a_saved_step(house: House, browser: Browser, draft: Page) -> None:
    """For any contact, by an address of its own: looking is reading."""
    steps = add_step(browser, draft)
    with house.store.snapshot() as connection:
        [row] = sequences_page(connection)
        step = public_id(Kind.STEP, live_steps(connection, row["id"])[0]["id"])
    reader = house.signed_in("looker", KeyScope.READ)

    form = reader.get(f"{steps.path}/{step}").form(f"{steps.path}/{step}/preview")
    shown = reader.get(f"{form.action}?previewFor=grace@example.org")
    fault = reader.get(f"{form.action}?previewFor=nobody@example.org")

    assert (form.method, "Hello Grace" in shown.text) == ("get", True)
    assert "Nobody has the address" in fault.text


@pytest.mark.parametrize(
    ("typed", "words"),
    [({"bodyHtml": "{% if %}"}, "line 1"), ({"previewFor": "nobody@example.org"}, "Nobody has the address")],
)
def test_preview_tells_its_fault(browser: Browser, draft: Page, typed: dict[str, str], words: str) -> None:
    """In its frame, as an ordinary page: half-written Liquid is no error of the browser's console."""
    form = browser.get(f"{draft.path}/new").form(f"{draft.path}/new")

    page = browser.post(
        f"{draft.path.removesuffix('/steps')}/preview",
        {**form.fields, "subject": "Hi", "bodyHtml": "Hi", **typed},
    )

    assert page.status == 200
    assert words in page.text


def test_stored_script_never_runs(house: House, browser: Browser, draft: Page) -> None:
    """Names, subjects, bodies: escaped wherever they stand; the mail itself only in a frame without scripts."""
    evil = "<script>alert(1)</script>"
    steps = add_step(browser, draft, name=f"n{evil}", subject=f"s{evil}", bodyHtml=f"<p>b</p>{evil}")
    address = draft.path.removesuffix("/steps")
    browser.send(browser.get(f"{address}/setup"), f"{address}/setup", name=f"q{evil}")
    [step_id] = step_ids(house)
    pages = [steps, *map(browser.get, (
        "/sequences", address, f"{address}/setup", f"{address}/review", f"{draft.path}/{step_id}",
        f"{address}/enrollments", f"{draft.path}/{step_id}/preview", f"{address}/enroll?q={evil}",
    ))]  # fmt: skip

    for page in pages:
        assert page.status == 200, page.path
        assert evil not in page.html, page.path
    assert "&lt;script&gt;alert(1)" in pages[1].html


@pytest.mark.usefixtures("list_id")
def test_names_to_insert_are_the_contacts_own(browser: Browser, draft: Page) -> None:
    text = browser.get(f"{draft.path}/new").text
    for name in ("email", "firstName", "unsubscribe_url", "companyName"):
        assert f"{{{{ {name} }}}}" in text


@pytest.mark.usefixtures("list_id")
def test_live_sequence_keeps_its_trigger(house: House, browser: Browser, draft: Page) -> None:
    """SPEC 2: trigger and list change in a draft or paused; the form of an active one has no such fields."""
    add_step(browser, draft)
    address = draft.path.removesuffix("/steps")
    browser.send(browser.get(f"{address}/review"), f"{address}/activate")
    setup = browser.get(f"{address}/setup")
    assert "triggerType" not in setup.form(f"{address}/setup").fields

    page = browser.send(setup, f"{address}/setup", name="Renamed", triggerType="list_add")

    assert page.status == 200
    with house.store.snapshot() as connection:
        [row] = sequences_page(connection)
    assert (row["name"], row["trigger_type"]) == ("Renamed", "manual")


def test_id_of_another_kind_is_no_page(browser: Browser, draft: Page) -> None:
    """SPEC 9."""
    for address in ("/sequences/lst_01h45ytscbexvbgkcq6w9k1qd8", "/sequences/nothing", f"{draft.path}/seq_x"):
        assert browser.get(address).status == 404


def forms_of(page: Page) -> list[PageForm]:
    return Reader(page.html).forms


def step_ids(house: House) -> list[str]:
    with house.store.snapshot() as connection:
        [row] = sequences_page(connection)
        return [public_id(Kind.STEP, step["id"]) for step in live_steps(connection, row["id"])]
