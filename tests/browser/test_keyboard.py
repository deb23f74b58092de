"""Everything is reached by keyboard, what has the focus is seen, and Escape and Enter do what one expects (issue 7)."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.furnished import Furnished
from tests.browser.watching import Window, opened_window

REACHABLE = """
() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((each) => !each.disabled && each.type !== 'hidden' && each.checkVisibility({visibilityProperty: true}))
  .length
"""
FOCUSED = """
() => {
  const each = document.activeElement;
  if (each === document.body || each.tagName === 'IFRAME') return null;
  each.dataset.reached = 'yes';
  const style = getComputedStyle(each);
  return {name: each.outerHTML.slice(0, 120), outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth)};
}
"""
REACHED = "() => document.querySelectorAll('[data-reached]').length"
MOST_STOPS = 200
PAGES = (
    "/sequences",
    "/sequences/{sequence_id}",
    "/sequences/{sequence_id}/forecast",
    "/contacts/new",
    "/sending",
    "/settings/templates/new",
)


@pytest.fixture
def window(browser: Browser, furnished: Furnished) -> Iterator[Window]:
    with opened_window(browser, furnished.site.url) as opened:
        opened.sign_in(furnished.key)
        yield opened


@pytest.mark.parametrize("path", PAGES)
def test_tab_reaches_everything_and_shows_where(window: Window, furnished: Furnished, path: str) -> None:
    """WCAG 2.1.1 and 2.4.7; the first stop leads past the menu."""
    window.go(path.format(**furnished.ids))
    page = window.page
    stops = list(tabbed(page))

    assert "Skip to content" in stops[0]["name"]
    assert [each["name"] for each in stops if not each["outline"]] == []
    # radio buttons of one name are one stop; the pages here have none
    assert page.evaluate(REACHED) == page.evaluate(REACHABLE)


def tabbed(page: Page) -> Iterator[dict[str, str]]:
    """Each stop from the top of the page to its end."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None:
            return
        yield stop
    raise AssertionError("the page has no end for a keyboard")


def test_escape_leaves_the_dialog_where_one_was(window: Window, furnished: Furnished) -> None:
    """Nothing is done, and the focus is back on the button that asked."""
    window.go(f"/sequences/{furnished.ids['sequence_id']}")
    button = window.page.get_by_role("button", name="Pause", exact=True)
    button.focus()
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("dialog")).to_be_visible()
    window.page.keyboard.press("Escape")

    expect(window.page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    expect(button).to_be_enabled()


def test_enter_searches_and_saves(window: Window) -> None:
    """In a field Enter sends its form; a refused form puts the focus on what is wrong."""
    window.go("/contacts")
    window.page.get_by_label("Search address or name").fill("person3@")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**q=person3**")
    expect(window.page.get_by_role("link", name="person3@example.net")).to_be_visible()

    window.go("/lists/new")
    window.page.get_by_label("Name").fill(" ")
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("alert")).to_be_focused()
