"""Markup in names, subjects, bodies and metadata is text on every page, and does nothing in a mail's frame."""

from typing import Any

from playwright.sync_api import Browser, expect

from tests.browser.furnished import EVIL, MARK, SCRIPT, Furnished
from tests.browser.watching import Window, opened_window

FRAMED = ("Blocked script execution", "Executing inline", "inline event handler", "Content Security Policy")
"""What the browser says where a mail's own script is kept from running."""


def ran(window: Window) -> list[str]:
    return [each for each in window.requests if each.endswith(MARK)] + window.dialogs


def test_no_page_runs_stored_script(browser: Browser, furnished: Furnished) -> None:
    """On every page, and in each preview's frame; only there the browser has something to refuse."""
    with opened_window(browser, furnished.site.url) as window:
        window.sign_in(furnished.key)
        for path in furnished.pages():
            window.errors.clear()
            window.go(path)
            previews = "preview" in path or window.page.locator("iframe").count() > 0
            if previews:
                window.page.wait_for_load_state("networkidle")
            missing = ("404",) if path == "/no/such/page" else ()
            window.is_clean(but=(*missing, *(FRAMED if previews else ())))
            assert ran(window) == [], path


def test_preview_frame_shows_mail_and_runs_nothing(browser: Browser, furnished: Furnished) -> None:
    """While it is written, with script on: the body stands in a frame of its own."""
    ids = furnished.ids
    with opened_window(browser, furnished.site.url) as window:
        window.sign_in(furnished.key)
        window.go(f"/sequences/{ids['sequence_id']}/steps/{ids['step_id']}")
        window.page.locator("#bodyHtml").fill(f"<p>Written anew</p>{EVIL}")
        mail = window.page.frame_locator("iframe.preview").frame_locator("iframe")
        expect(mail.get_by_text("Written anew")).to_be_visible()

        assert ran(window) == []


def test_the_same_markup_runs_elsewhere(browser: Browser, furnished: Furnished) -> None:
    """What the tests above look for does happen where nothing keeps it from it."""
    with opened_window(browser, furnished.site.url) as window:
        window.page.set_content(f"<p>{EVIL}</p>")
        window.page.wait_for_load_state("networkidle")

        assert len(window.dialogs) == 2


def test_form_of_another_session_is_refused(browser: Browser, furnished: Furnished) -> None:
    """A page's form carries its own session's token, and no other."""
    url, form = furnished.site.url, "form[action='/lists'] input[name=csrf]"
    with opened_window(browser, url) as mine, opened_window(browser, url) as theirs:
        for window in (mine, theirs):
            window.sign_in(furnished.key)
            window.go("/lists/new")
        stolen = theirs.page.locator(form).input_value()
        mine.page.locator(form).evaluate("(field, token) => { field.value = token }", stolen)
        mine.page.get_by_label("Name").fill("Slipped in")
        mine.page.get_by_role("button", name="Make the list").click()

        expect(mine.page.get_by_text("This form belongs to another session")).to_be_visible()
    assert not lists_named(furnished, "Slipped in")


def test_form_on_another_site_is_refused(browser: Browser, furnished: Furnished) -> None:
    """Whatever it posts, and though the visitor is signed in here."""
    with opened_window(browser, furnished.site.url) as window:
        window.sign_in(furnished.key)
        window.page.goto("about:blank")
        window.page.set_content(
            f"<form method=post action='{furnished.site.url}/lists'><input name=name value='Lured'>"
            "<button>Win</button></form>"
        )
        window.page.get_by_role("button", name="Win").click()

        expect(window.page.get_by_text("This form did not come from a page here")).to_be_visible()
    assert not lists_named(furnished, "Lured")


def lists_named(furnished: Furnished, name: str) -> list[dict[str, Any]]:
    return furnished.site.world.rows("SELECT id FROM list WHERE name = $name", name=name)


def test_script_in_a_search_is_text(browser: Browser, furnished: Furnished) -> None:
    """What an address brings along is escaped as what is stored."""
    with opened_window(browser, furnished.site.url) as window:
        window.sign_in(furnished.key)
        window.page.goto(f"{furnished.site.url}/contacts?q={SCRIPT}&mark={SCRIPT}&status={SCRIPT}")
        expect(window.page.get_by_label("Search address or name")).to_have_value(SCRIPT)

        window.is_clean()
