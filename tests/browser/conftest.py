"""One browser for each file, and a site of its own for each test that changes things."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.furnished import Furnished, furnish
from tests.browser.site import Site, opened_site
from tests.browser.watching import CHROMIUM, PATIENCE_MS, Window, chromium_path, opened_window
from xmit_pipeline.sandbox.server import RunningSandbox, running_sandbox


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a screen; for one file, as its event loop is in the way of others' loops."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        path = chromium_path(playwright)
        if path is None:
            pytest.skip(
                f"No Chromium is installed; put one of {', '.join(CHROMIUM)} on PATH to run these tests."
            )
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def site(home: Path, sandbox: RunningSandbox) -> Iterator[Site]:
    """An empty store behind the site."""
    with opened_site(home, sandbox) as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[Window]:
    """A desk's window on the site, not signed in."""
    with opened_window(browser, site.url) as opened:
        yield opened


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """A site with something on each page, for tests that only look; its names hold markup that must never run."""
    with running_sandbox() as sandbox, opened_site(tmp_path_factory.mktemp("furnished"), sandbox) as site:
        yield furnish(site)
