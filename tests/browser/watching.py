"""A browser's window that notes what must never happen: an error, a dialog of a stored script, a foreign request."""

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Playwright, Request

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 30_000
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium_path(playwright: Playwright) -> str | None:
    """The system's Chromium, else the one that `playwright install` brought; None where there is none."""
    brought = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, (*CHROMIUM, brought))), None)


@dataclass
class Window:
    """One visitor's page, and everything about it that is not as it should be."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list[str])
    dialogs: list[str] = field(default_factory=list[str])
    requests: list[str] = field(default_factory=list[str])

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self, key: str) -> None:
        """As a person does it; then the first page."""
        self.go("/sign-in")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/sequences")

    def foreign(self, *allowed: str) -> list[str]:
        """Requests to other hosts than the site's and those allowed."""
        ours = {urlsplit(each).netloc for each in (self.url, *allowed)}
        return [
            each
            for each in self.requests
            if urlsplit(each).scheme not in ("data", "about", "blob") and urlsplit(each).netloc not in ours
        ]

    def is_clean(self, *, but: Sequence[str] = ()) -> None:
        """No error (`but` for those that hold one of these words), no dialog, no request to another host."""
        assert [each for each in self.errors if not any(words in each for words in but)] == []
        assert self.dialogs == []
        assert self.foreign() == []

    def listen(self) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.errors.append(message.text)

        def dialog(shown: Dialog) -> None:
            self.dialogs.append(shown.message)
            shown.dismiss()

        def request(made: Request) -> None:
            self.requests.append(made.url)

        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", dialog)
        self.page.on("request", request)


@contextmanager
def opened_window(browser: Browser, url: str, **options: Any) -> Generator[Window]:
    """A window with cookies of its own; `options` are those of Playwright's contexts."""
    context = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE_MS)
    try:
        window = Window(context.new_page(), url)
        window.listen()
        yield window
    finally:
        context.close()
