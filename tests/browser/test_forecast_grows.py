"""A forecast that takes longer than a page: the page shows how far it is, and then the answer, by itself."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.furnished import Furnished
from tests.browser.watching import opened_window
from xmit_pipeline.dashboard import forecasts


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_answer_comes_without_asking_again(
    browser: Browser, furnished: Furnished, monkeypatch: pytest.MonkeyPatch, *, script: bool
) -> None:
    """Nobody has to load the page anew, and in the end nothing is asked for any more."""
    monkeypatch.setattr(forecasts, "WAIT_SECONDS", 0.0)
    with opened_window(browser, furnished.site.url, java_script_enabled=script) as window:
        window.sign_in(furnished.key)
        window.go(f"/sequences/{furnished.ids['sequence_id']}/forecast")
        window.page.get_by_label("Days").fill("120" if script else "121")
        window.page.get_by_role("button", name="Play it forward").click()
        expect(window.page.get_by_role("progressbar")).to_be_visible()

        expect(window.page.get_by_text("What is assumed")).to_be_visible()
        expect(window.page.locator("[data-refresh]")).to_have_count(0)
        window.is_clean()
