"""What is written is not lost, and a deed is done once: test sends, templates, order, metadata, lists (issue 7)."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import Site
from tests.browser.watching import Window, opened_window

NOTE = "line one\nline two"


class Calls:
    """The API of the site, as a test makes what its pages show."""

    def __init__(self, site: Site, key: str) -> None:
        self.client = httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def made(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/api{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def got(self, path: str) -> Any:
        return self.client.get(f"/api{path}").json()


@pytest.fixture
def calls(site: Site) -> Iterator[Calls]:
    site.world.domain("spring.example")
    calls = Calls(site, site.key("program"))
    yield calls
    calls.client.close()


@pytest.fixture
def signed_in(window: Window, site: Site) -> Window:
    window.sign_in(site.key())
    return window


def written_step(calls: Calls) -> str:
    """A draft of two steps; the address of its first."""
    sequence = calls.made("/sequences", name="Spring", triggerType="manual")["id"]
    words = {"subject": "Hello {{ firstName }}", "bodyHtml": "<p>As saved</p>", "delayUnit": "days"}
    steps = [
        calls.made(f"/sequences/{sequence}/steps", name=name, delayAmount=1, **words)["id"]
        for name in ("First", "Second")
    ]
    return f"/sequences/{sequence}/steps/{steps[0]}"


def test_member_is_taken_off_once(signed_in: Window, calls: Calls) -> None:
    """One is taken off at once, several are asked about in a dialog; each is one deed."""
    a_list = calls.made("/lists", name="Spring")["id"]
    for name in ("ada", "grace", "emmy"):
        calls.made("/contacts", email=f"{name}@example.net", listId=a_list)
    page, done = signed_in.page, []
    page.on("response", lambda each: done.append(each.status) if each.request.method == "POST" else None)
    signed_in.go(f"/lists/{a_list}")

    page.get_by_label("Choose ada@example.net").check()
    page.get_by_role("button", name="Take those ticked off").click()
    expect(page.get_by_text("1 contact taken off Spring")).to_be_visible()
    assert done == [204, 303]
    for name in ("grace", "emmy"):
        page.get_by_label(f"Choose {name}@example.net").check()
    page.get_by_role("button", name="Take those ticked off").click()
    page.get_by_role("dialog").get_by_role("button", name="Take them off").click()

    expect(page.get_by_text("2 contacts taken off Spring")).to_be_visible()
    signed_in.is_clean()


def test_metadata_keeps_its_lines(signed_in: Window, calls: Calls) -> None:
    """Saving something else leaves a value of several lines as it was; a changed one keeps its lines too."""
    person = calls.made("/contacts", email="ada@example.net", metadata={"note": NOTE, "seats": 5})["id"]
    page = signed_in.page
    for name in ("Ada", "Augusta"):
        signed_in.go(f"/contacts/{person}/edit")
        page.get_by_label("First name").fill(name)
        if name == "Augusta":
            page.get_by_label("Value 1").fill(f"{NOTE}\nline three")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("The contact is saved.")).to_be_visible()
        grown = f"{NOTE}\nline three" if name == "Augusta" else NOTE
        assert calls.got(f"/contacts/{person}")["metadata"] == {"note": grown, "seats": 5}


def test_test_send_keeps_what_is_written(signed_in: Window, calls: Calls, site: Site) -> None:
    """The test is what stands in the form, for the contact of the preview; Enter in its field sends it too."""
    calls.made("/contacts", email="grace@example.net", firstName="Grace")
    page = signed_in.page
    signed_in.go(written_step(calls))
    page.locator("#bodyHtml").fill("<p>Not saved</p>")
    page.locator("#previewFor").fill("grace@example.net")
    page.locator("#to").fill("me@example.org")
    page.keyboard.press("Enter")

    expect(page.get_by_text("The test went to me@example.org: [Test] Hello Grace")).to_be_visible()
    expect(page.locator("#bodyHtml")).to_have_value("<p>Not saved</p>")
    assert "Not saved" in sent_to(site, "me@example.org")["html"]
    signed_in.is_clean()


def sent_to(site: Site, email: str) -> dict[str, str]:
    answer = httpx.get(f"{site.world.sandbox.url}/_sandbox/messages?to={email}")
    return orjson.loads(answer.content)["messages"][0]


def test_template_asks_before_it_replaces(signed_in: Window, calls: Calls) -> None:
    """The words stay until the button that says so."""
    calls.made("/templates", name="Letter", subject="A letter", bodyHtml="<p>From the template</p>")
    page = signed_in.page
    signed_in.go(written_step(calls))
    page.locator("#templateId").select_option(label="Letter")
    page.get_by_role("button", name="Put it in").click()
    expect(page.locator("#bodyHtml")).to_have_value("<p>As saved</p>")
    page.get_by_role("button", name="Replace what is written").click()

    expect(page.locator("#bodyHtml")).to_have_value("<p>From the template</p>")
    expect(page.locator("#name")).to_have_value("First")


def test_steps_change_places(signed_in: Window, calls: Calls) -> None:
    """By their buttons; who is first can't go up."""
    page = signed_in.page
    signed_in.go(written_step(calls).rpartition("/")[0])
    page.get_by_role("button", name="Move Second up").click()
    expect(page.get_by_text("The order is changed.")).to_be_visible()

    expect(page.locator("h2").first).to_have_text("1. Second")
    expect(page.get_by_role("button", name="Move Second up")).to_have_count(0)


def test_leaving_unsaved_words_asks(signed_in: Window, calls: Calls) -> None:
    """The browser asks where something is written, and neither before nor after it is saved."""
    page = signed_in.page
    signed_in.go(written_step(calls))
    page.locator("#to").fill("me@example.org")
    leave(page)
    assert signed_in.dialogs == []
    page.go_back()
    page.locator("#subject").fill("Not saved")
    leave(page)
    assert len(signed_in.dialogs) == 1
    page.get_by_role("button", name="Save the step").click()

    expect(page.get_by_text("is saved.")).to_be_visible()
    assert len(signed_in.dialogs) == 1


def leave(page: Page) -> None:
    """The dialog, where one comes, is dismissed: the page stays."""
    page.get_by_role("link", name="Contacts", exact=True).click(no_wait_after=True)
    page.wait_for_timeout(300)


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_refused_test_send_loses_nothing(browser: Browser, site: Site, calls: Calls, *, script: bool) -> None:
    """An address that must not be mailed is told beside its field."""
    calls.made("/suppressions", email="stopped@example.org", reason="manual")
    with opened_window(browser, site.url, java_script_enabled=script) as window:
        window.sign_in(site.key())
        window.go(written_step(calls))
        window.page.locator("#subject").fill("Not saved")
        window.page.locator("#to").fill("stopped@example.org")
        window.page.get_by_role("button", name="Send the test").click()

        expect(window.page.locator("#to-fault")).to_contain_text("suppress")
        expect(window.page.locator("#subject")).to_have_value("Not saved")
