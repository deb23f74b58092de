"""A browser without script for the dashboard's tests: it signs in, reads pages, and posts their forms."""

import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from tests.integration.api.client import MovableClock
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store.connection import Connection, EmbeddedStore, rows_as_dicts
from xmit_pipeline.store.key_stamp import note_key_change
from xmit_pipeline.store.keys import KeyScope, create_key

with warnings.catch_warnings():
    # Starlette 1.10 asks for a successor of httpx that is not in the lock
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

VOID = ("input", "meta", "link", "img", "br", "hr")


@dataclass
class PageForm:
    """One form of a page, as a browser would send it untouched."""

    action: str
    method: str
    name: str = ""
    fields: dict[str, str] = field(default_factory=dict[str, str])
    buttons: list[str] = field(default_factory=list[str])


class Reader(HTMLParser):
    """What of a page the tests ask for: forms with their values, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.words: list[str] = []
        self._within: list[str] = []
        self._select: str | None = None
        self._area: str | None = None
        self._form: PageForm | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._within.append(tag)
        if tag == "form":
            self.forms.append(
                PageForm(given.get("action", ""), given.get("method", "get"), given.get("id", ""))
            )
            return
        if tag in ("input", "select", "textarea", "button"):
            self._form = self._form_of(given.get("form"))
        if self._form is None or ("name" not in given and tag != "option"):
            return
        fields, name = self._form.fields, given.get("name", "")
        if tag == "input" and given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                fields[name] = given.get("value", "on")
        elif tag == "input":
            fields[name] = given.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area, fields[name] = name, ""
        elif tag == "option" and self._select and (self._select not in fields or "selected" in given):
            fields[self._select] = given.get("value", "")

    def _form_of(self, name: str | None) -> PageForm | None:
        """The form that a field belongs to: that which it names, else that which it stands in."""
        if name is not None:
            return next((form for form in self.forms if form.name == name), None)
        return self.forms[-1] if self.forms and "form" in self._within else None

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            del self._within[len(self._within) - 1 - self._within[::-1].index(tag) :]
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area and self._form:
            fields = self._form.fields
            fields[self._area] += data.removeprefix("\n") if not fields[self._area] else data
        elif "script" not in self._within and "style" not in self._within:
            if self._within and self._within[-1] == "button" and self._form:
                self._form.buttons.append(data.strip())
            self.words.append(data)


@dataclass
class Page:
    """An answer, read."""

    answer: httpx.Response

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def html(self) -> str:
        """As it came, but for the places where a long address may go on in a new line."""
        return self.answer.text.replace("<wbr>", "")

    @property
    def text(self) -> str:
        """Its words, one space between them."""
        return " ".join(" ".join(Reader(self.html).words).split())

    @property
    def path(self) -> str:
        return self.answer.url.path

    def form(self, action: str, button: str | None = None) -> PageForm:
        """The form that posts to this address, and has this button."""
        for form in Reader(self.html).forms:
            if form.action == action and (button is None or button in form.buttons):
                return form
        raise AssertionError(
            f"no form to {action} on {self.path}: {[f.action for f in Reader(self.html).forms]}"
        )

    def fault(self, name: str) -> str:
        """What stands below a field."""
        found = re.search(rf'id="{re.escape(name)}-fault">([^<]*)<', self.html)
        return unescape(found[1]) if found else ""


@dataclass
class Browser:
    """One visitor with their cookies."""

    client: TestClient

    def get(self, path: str) -> Page:
        return Page(self.client.get(path))

    def post(self, path: str, fields: dict[str, str]) -> Page:
        return Page(self.client.post(path, data=fields))

    def sign_in(self, key: str) -> Page:
        return self.post("/sign-in", {"key": key, "next": "/"})

    def send(self, page: Page, action: str, button: str | None = None, **values: str) -> Page:
        """Fill in a page's form and send it, by its own fields."""
        form = page.form(action, button)
        return self.post(action, {**form.fields, **values})

    def press(self, page: Page, action: str, target: str, /, **values: str) -> Page:
        """The same by a button that sends the form to another address."""
        return self.post(target, {**page.form(action).fields, **values})

    def agree(self, page: Page) -> Page:
        """Press the real button of a page that asks."""
        form = next(form for form in Reader(page.html).forms if form.fields.get("sure") == "yes")
        return self.post(form.action, form.fields)


@dataclass
class House:
    """The site over a store of its own."""

    store: EmbeddedStore
    settings: Settings
    clock: MovableClock
    client: TestClient

    def key(self, name: str = "marketing", scope: KeyScope = KeyScope.FULL) -> str:
        with self.store.transaction() as connection:
            key = create_key(connection, name, self.clock.now(), scope)
        note_key_change(self.store.path)
        return key

    def browser(self) -> Browser:
        """A new visitor, not signed in."""
        return Browser(TestClient(self.client.app, base_url="http://127.0.0.1:8000"))

    def signed_in(self, name: str = "marketing", scope: KeyScope = KeyScope.FULL) -> Browser:
        browser = self.browser()
        assert browser.sign_in(self.key(name, scope)).status in (200, 404)
        return browser

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What the store holds."""
        with self.store.snapshot() as connection:
            return rows_as_dicts(connection, query)

    @contextmanager
    def changing(self) -> Generator[Connection]:
        with self.store.transaction() as connection:
            yield connection


@contextmanager
def opened_house(folder: Path, **environment: str) -> Generator[House]:
    """The whole site over a new store in this folder."""
    settings, clock = read_settings({"XMIT_HOME": str(folder), **environment}), MovableClock()
    store = EmbeddedStore(settings.database, patience_seconds=20)
    with TestClient(create_site(store, settings, clock=clock)) as client:
        yield House(store, settings, clock, client)
    store.close()
