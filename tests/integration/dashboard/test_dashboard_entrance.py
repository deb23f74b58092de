"""Signing in, and whose forms are taken (issue 7: session cookie, CSRF, policy)."""

import re
import time
from datetime import timedelta

import orjson
import pytest

from tests.integration.dashboard.client import House, TestClient
from xmit_pipeline.dashboard.headers import POLICY
from xmit_pipeline.dashboard.session import ENDED
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.store.keys import KeyScope, revoke_key


def test_stranger_is_led_to_sign_in(house: House) -> None:
    """And back to the page they wanted."""
    stranger = house.browser()

    page = stranger.get("/sequences?status=active")

    assert page.path == "/sign-in"
    assert page.form("/sign-in").fields["next"] == "/sequences?status=active"


def test_live_key_opens_the_pages(house: House) -> None:
    page = house.browser().sign_in(house.key())

    assert (page.status, page.path) == (200, "/sequences")
    assert "Signed in as marketing" in page.text


@pytest.mark.parametrize("key", ["", "pm_live_wrong", "ü" * 20])
def test_wrong_key_is_refused_in_words(house: House, key: str) -> None:
    """SPEC 9: a wrong key and none are told the same."""
    browser = house.browser()

    page = browser.sign_in(key)

    assert page.status == 400
    assert "no live key" in page.fault("key")
    assert "xmit_session" not in browser.client.cookies


def test_session_cookie_is_closed_to_scripts(house: House) -> None:
    answer = house.browser().client.post("/sign-in", data={"key": house.key()}, follow_redirects=False)

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_revoked_key_ends_the_session(house: House) -> None:
    """The cookie holds the key's hash, and a revoked one is known by it."""
    browser = house.signed_in("leaver")
    assert browser.get("/sequences").path == "/sequences"

    with house.changing() as connection:
        revoke_key(connection, "leaver", house.clock.now())

    deadline = time.monotonic() + 20
    while browser.get("/sequences").path != "/sign-in":
        assert time.monotonic() < deadline


def test_session_ends_after_a_week(house: House) -> None:
    browser = house.signed_in()

    house.clock.moment += timedelta(days=7, seconds=1)

    assert browser.get("/sequences").path == "/sign-in"


def test_torn_cookie_is_no_session(house: House) -> None:
    browser = house.signed_in()
    cookie = browser.client.cookies["xmit_session"]
    browser.client.cookies.clear()
    browser.client.cookies.set("xmit_session", cookie[:-1] + ("0" if cookie[-1] != "0" else "1"))

    assert browser.get("/sequences").path == "/sign-in"


def test_signing_out_ends_it(house: House) -> None:
    browser = house.signed_in()

    page = browser.send(browser.get("/sequences"), "/sign-out")

    assert page.path == "/sign-in"
    assert "You are signed out." in page.text
    assert browser.get("/sequences").path == "/sign-in"


def test_copied_cookie_ends_with_the_session(house: House) -> None:
    """Also in a site that starts anew; a session of the same key elsewhere goes on."""
    key = house.key()
    browser, copy, elsewhere = house.browser(), house.browser(), house.browser()
    browser.sign_in(key)
    elsewhere.sign_in(key)
    copy.client.cookies.set("xmit_session", browser.client.cookies["xmit_session"])
    assert copy.get("/sequences").path == "/sequences"

    browser.send(browser.get("/sequences"), "/sign-out")

    assert copy.get("/sequences").path == "/sign-in"
    assert elsewhere.get("/sequences").path == "/sequences"
    with TestClient(create_site(house.store, house.settings, clock=house.clock)) as client:
        client.cookies.set("xmit_session", copy.client.cookies["xmit_session"])
        assert client.get("/sequences").url.path == "/sign-in"


def test_ended_sessions_are_forgotten_in_time(house: House) -> None:
    """What would be over by itself is kept no longer."""
    for _ in range(2):
        browser = house.signed_in()
        browser.send(browser.get("/sequences"), "/sign-out")
        house.clock.moment += timedelta(days=8)

    assert len(orjson.loads((house.settings.home / ENDED).read_bytes())) == 1


@pytest.mark.parametrize("path", ["/theme", "/sign-out", "/sequences", "/nothing"])
def test_form_of_another_session_is_refused(house: House, path: str) -> None:
    """Before anything else is looked at, also whether the page exists."""
    mine, other = house.signed_in("mine"), house.signed_in("other")
    token = other.get("/sequences").form("/sign-out").fields["csrf"]

    assert mine.post(path, {"csrf": token, "name": "Mine"}).status == 403
    assert mine.post(path, {"name": "Mine"}).status == 403
    assert mine.get("/sequences").path == "/sequences"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_form_of_another_site_is_refused(house: House, headers: dict[str, str]) -> None:
    """Also the sign-in form, which has no session yet."""
    answer = house.browser().client.post("/sign-in", data={"key": house.key()}, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_looking_key_changes_nothing(house: House) -> None:
    """A read scope may look; its forms are refused with a sentence."""
    browser = house.signed_in("auditor", KeyScope.READ)
    token = browser.get("/sequences").form("/sign-out").fields["csrf"]

    page = browser.post("/sequences", {"csrf": token, "name": "Welcome", "triggerType": "manual"})

    assert page.status == 403
    assert "may only look" in page.text
    assert browser.send(browser.get("/sequences"), "/sign-out").path == "/sign-in"


@pytest.mark.parametrize("path", ["/sign-in", "/sequences", "/sequences/new", "/nothing", "/static/xmit.css"])
def test_every_answer_carries_the_policy(house: House, path: str) -> None:
    """Only what is ours runs, and nobody frames it."""
    headers = house.signed_in().get(path).answer.headers

    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"


def test_pages_hold_no_inline_script_or_style(house: House) -> None:
    """The policy would refuse them, and a page would be broken."""
    for path in ("/sign-in", "/sequences", "/sequences/new"):
        page = house.browser().get(path) if path == "/sign-in" else house.signed_in().get(path)
        html = page.html
        assert page.status == 200
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html)


def test_strange_page_is_answered_with_one(house: House) -> None:
    page = house.signed_in().get("/nothing")

    assert page.status == 404
    assert "There is no such page" in page.text


def test_api_answers_beside_the_pages(house: House) -> None:
    """One port serves both; each keeps its own way of answering."""
    client = house.browser().client

    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/api/lists").json()["error"].startswith("Send a live API key")


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_sign_in_leads_nowhere_foreign(house: House, back: str) -> None:
    """An address that somebody sent around may name a page here, and no other."""
    answer = house.browser().client.post(
        "/sign-in", data={"key": house.key(), "next": back}, follow_redirects=False
    )

    assert answer.headers["location"] == "/"


def test_chosen_look_is_kept(house: House) -> None:
    browser = house.signed_in()

    page = browser.send(browser.get("/sequences"), "/theme", theme="dark")

    assert page.path == "/sequences"
    assert 'data-theme="dark"' in page.html
