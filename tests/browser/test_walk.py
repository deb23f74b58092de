"""A marketer's first day, walked through in a browser: with script, and without (issue 7)."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import Site
from tests.browser.watching import opened_window

PEOPLE = "Email Address,First Name,Company Name\n" + "".join(
    f"{name.lower()}@example.net,{name},{name} Works\n" for name in ("Ada", "Grace", "Emmy", "Sofia")
)
STEPS = (
    ("Welcome", "Hello {{ firstName }}", 0),
    ("Hint", "For {{ companyName }}", 1),
    ("Question", "And now?", 2),
)


def import_people(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Contacts", exact=True).click()
    page.get_by_role("link", name="Import").first.click()
    page.get_by_label("Contact file").set_input_files(file)
    page.get_by_role("button", name="Send the file").click()
    page.get_by_label("Or on a new list, named").fill("Spring")
    page.get_by_role("button", name="Take the file in").click()
    expect(page.get_by_text("The file is in")).to_be_visible()
    expect(figure(page, "New contacts")).to_have_text("4")


def build_sequence(page: Page) -> None:
    page.get_by_role("link", name="Sequences", exact=True).first.click()
    page.get_by_role("link", name="Make your first sequence").click()
    page.get_by_label("Name", exact=True).fill("Spring series")
    page.locator("#triggerListId").select_option(label="Spring (4)")
    page.get_by_label("Also enroll who is on the list already").check()
    page.get_by_role("button", name="Save and write the steps").click()
    page.get_by_role("link", name="Write the first step").click()
    for number, (name, subject, days) in enumerate(STEPS, start=1):
        page.locator("#name").fill(name)
        page.locator("#subject").fill(subject)
        page.locator("#bodyHtml").fill(f"<p>{name} to you, {{{{ firstName }}}}.</p>")
        page.locator("#delayAmount").fill(str(days))
        if number == 1:
            preview(page)
        page.get_by_role("button", name="Add the step").click()
        if number < len(STEPS):
            page.get_by_role("link", name="Add a step").click()


def preview(page: Page) -> None:
    """As one of the contacts will get it."""
    page.locator("#previewFor").fill("grace@example.net")
    page.get_by_role("button", name="Preview").click()
    shown = page.frame_locator("iframe.preview")
    expect(shown.get_by_text("Hello Grace")).to_be_visible()
    expect(shown.frame_locator("iframe").get_by_text("Welcome to you, Grace.")).to_be_visible()


def figure(page: Page, name: str):
    """A number at the top of a page, by its name."""
    return page.locator(".figure").filter(has=page.locator("dt", has_text=name)).locator("dd")


def move(page: Page, button: str, sure: str) -> None:
    """A deed that is asked first: in a dialog with script, on a page of its own without."""
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_role("button", name=sure).click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_marketer_walks_through_a_first_day(
    browser: Browser, site: Site, tmp_path: Path, *, script: bool
) -> None:
    """No console error and no request to another host all the way."""
    site.world.domain("spring.example")
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    with opened_window(browser, site.url, java_script_enabled=script) as window:
        page = window.page
        window.sign_in(site.key())
        import_people(page, file)
        build_sequence(page)
        page.get_by_role("link", name="Review and activate").last.click()
        expect(page.get_by_text("enrolls the 4 contacts on Spring now")).to_be_visible()
        page.get_by_role("button", name="Activate", exact=True).click()
        expect(page.get_by_text("4 people are enrolled")).to_be_visible()
        expect(figure(page, "Sent")).to_have_text("0")

        site.pass_time(minutes=1)
        page.reload()
        expect(figure(page, "Sent")).to_have_text("4")
        site.pass_time(days=1)
        page.reload()
        expect(figure(page, "Sent")).to_have_text("8")
        expect(figure(page, "Opened")).not_to_have_text(re.compile(r"^0\.0 "))

        move(page, "Pause", "Pause the sequence")
        expect(page.get_by_text("The sequence is paused.")).to_be_visible()
        expect(figure(page, "Active")).to_contain_text("4 paused")
        move(page, "Resume", "Resume the sequence")
        expect(page.get_by_text("The sequence goes on.")).to_be_visible()

        address = page.url
        page.get_by_role("link", name="People", exact=True).click()
        page.get_by_role("link", name="emmy@example.net").click()
        move(page, "Take out", "Take them out")
        expect(page.get_by_text("They are out of the sequence.")).to_be_visible()
        expect(page.locator(".timeline")).to_contain_text("Left the sequence")

        with opened_window(browser, site.url, java_script_enabled=script) as theirs:
            theirs.page.goto(site.unsubscribe_link("ada@example.net"))
            theirs.page.get_by_role("button").click()
            expect(theirs.page.get_by_role("button")).to_have_count(0)
            theirs.is_clean()
        site.pass_time(minutes=1)
        page.goto(address)
        expect(figure(page, "Exited")).to_have_text("2")
        page.get_by_role("link", name="People", exact=True).click()
        page.get_by_role("link", name="ada@example.net").click()
        expect(page.locator(".timeline")).to_contain_text("unsubscribed")
        site.pass_time(days=2)
        page.goto(address)
        expect(figure(page, "Sent")).to_have_text("10")
        expect(figure(page, "Completed")).to_have_text("2")
        window.is_clean()
