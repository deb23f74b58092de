"""axe finds no serious fault on any page, light on a desk and dark on a phone; nothing sticks out."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.furnished import Furnished
from tests.browser.site import Site
from tests.browser.watching import DESK, PHONE, Window, opened_window

SERIOUS = ("serious", "critical")
LOOKS = [("light", DESK), ("dark", PHONE)]
"""Each palette and each size once: colours do not depend on sizes."""
RUN = "axe.run({resultTypes: ['violations'], iframes: false})"
FRAME = "/preview"
"""A mail's frame: a document in which no script runs, axe's neither."""
EMPTY = (
    "/sequences", "/contacts", "/contacts/import", "/lists", "/sending", "/sending/senders", "/sending/suppressions",
    "/sending/trouble", "/system", "/settings", "/settings/webhooks", "/settings/templates", "/settings/audit",
)  # fmt: skip
ROWS = (
    "/sequences", "/contacts", "/lists/{list_id}", "/sending/senders", "/sending/suppressions", "/sending/trouble",
    "/settings", "/settings/audit", "/settings/webhooks/{webhook_id}", "/sequences/{sequence_id}/enrollments",
)  # fmt: skip
BEYOND = """
() => [...document.querySelectorAll('main :is(td, th) :is(a, button, input)')]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1).length
"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def visitor(browser: Browser, furnished: Furnished) -> Iterator[Window]:
    with opened_window(browser, furnished.site.url) as window:
        window.sign_in(furnished.key)
        yield window


def faults(page: Page) -> list[str]:
    """What axe says of the page as it stands, serious and worse, with the places."""
    return [told_of(each) for each in page.evaluate(RUN)["violations"] if each["impact"] in SERIOUS]


def told_of(fault: dict[str, Any]) -> str:
    places = [node["target"][0] for node in fault["nodes"][:3]]
    return f"{fault['id']}: {fault['help']} at {places} {fault['nodes'][0]['failureSummary'][:200]}"


def looked_at(page: Page) -> list[str]:
    """Every fault of this page in any look, and by how much it is wider than its window."""
    page.evaluate(Axe().axe_script)
    found: list[str] = []
    for scheme, size in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        found += [f"{scheme}, {size['width']}: {each}" for each in faults(page)]
        wider = page.evaluate(WIDER)
        found += [f"{size['width']}: wider than its window by {wider}"] if wider > 0 else []
    return found


def test_no_page_has_a_serious_fault(furnished: Furnished, visitor: Window) -> None:
    """Every address that the dashboard has a page at, those with a path that are new too."""
    found: dict[str, list[str]] = {}
    for path in furnished.pages():
        if path.endswith(FRAME):
            continue
        visitor.go(path)
        if faulty := looked_at(visitor.page):
            found[path] = faulty

    assert found == {}


def test_pages_that_ask_have_no_serious_fault(furnished: Furnished, browser: Browser) -> None:
    """The sign-in page, a page that asks first, a form with faults, and the dialog."""
    with opened_window(browser, furnished.site.url) as window:
        window.go("/sign-in")
        found = looked_at(window.page)
        window.sign_in(furnished.key)
        sequence = f"/sequences/{furnished.ids['sequence_id']}"
        window.go(sequence)
        window.page.get_by_role("button", name="Archive").click()
        window.page.get_by_role("button", name="Archive for good").wait_for()
        found += looked_at(window.page)
        window.go("/lists/new")
        window.page.get_by_label("Name").fill(" ")
        window.page.get_by_role("button", name="Make the list").click()
        window.page.locator(".fault").wait_for()
        found += looked_at(window.page)
        window.go("/settings")
        window.page.get_by_label("Name").fill("shop")
        window.page.get_by_role("button", name="Make the key").click()
        window.page.locator("#once").wait_for()
        found += looked_at(window.page)

    assert found == []


def test_empty_pages_have_no_serious_fault(browser: Browser, site: Site) -> None:
    """What somebody sees on the first day: each page says what belongs there."""
    found: dict[str, list[str]] = {}
    with opened_window(browser, site.url) as window:
        window.sign_in(site.key())
        for path in EMPTY:
            window.go(path)
            if faulty := looked_at(window.page):
                found[path] = faulty

    assert found == {}


def test_phone_reaches_every_button(browser: Browser, furnished: Furnished) -> None:
    """A row of a table is a card there: no button of it lies beyond the window's edge."""
    beyond: dict[str, int] = {}
    with opened_window(browser, furnished.site.url, viewport=PHONE) as window:
        window.sign_in(furnished.key)
        for path in ROWS:
            window.go(path.format(**furnished.ids))
            if count := window.page.evaluate(BEYOND):
                beyond[path] = count

    assert beyond == {}
