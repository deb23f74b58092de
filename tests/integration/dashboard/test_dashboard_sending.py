"""Domains, warmup, senders, suppressions, and what waits for a person (issue 7; SPEC 3, 4, 6)."""

import time
from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Page, TestClient
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store import senders, warmup
from xmit_pipeline.store.health import domain_health
from xmit_pipeline.store.keys import KeyScope

HOSTILE = "<script>alert(1)</script>"


def with_domain(browser: Browser, name: str = "example.com", **fields: str) -> str:
    """A domain made by the form; answers its address on the site."""
    return browser.send(browser.get("/sending/domains/new"), "/sending/domains", name=name, **fields).path


def counted(browser: Browser, path: str) -> Page:
    """A page once what is looked at in the background is there."""
    deadline = time.monotonic() + 60
    page = browser.get(path)
    while 'data-refresh="' in page.html:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        page = browser.get(path)
    return page


def test_domain_and_sender_begin_by_forms(house: House, browser: Browser) -> None:
    path = with_domain(browser, verified="yes")
    page = browser.get("/sending/senders/new")

    page = browser.send(page, "/sending/senders", email="hello@example.com", name="Ada")

    assert "and the default one" in page.text
    assert "Verified" in browser.get(path).text
    [sender] = house.rows("SELECT * FROM sender")
    assert (sender["email"], sender["name"], sender["verified"], sender["is_default"]) == (
        "hello@example.com", "Ada", True, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"email": "hello@elsewhere.com"}, "email", "not an address on example.com"),
        ({"email": "hello"}, "email", "@"),
        ({"email": "hello@example.com", "replyTo": "x"}, "replyTo", "@"),
        (
            {"email": "hello@example.com", "domainId": "dom_01h45ytscbexvbgkcq6w9k1qd8"},
            "domainId",
            "no such domain",
        ),
    ],
)
def test_sender_faults_stand_beside_fields(
    browser: Browser, fields: dict[str, str], name: str, words: str
) -> None:
    with_domain(browser)

    page = browser.send(browser.get("/sending/senders/new"), "/sending/senders", **fields)

    assert page.status == 400
    assert words in page.fault(name)


def test_domain_faults_stand_beside_fields(browser: Browser) -> None:
    with_domain(browser)

    for name, words in (("no domain", "domain name"), ("example.com", "already")):
        page = browser.send(browser.get("/sending/domains/new"), "/sending/domains", name=name)
        assert page.status == 400
        assert words in page.fault("name")


def test_declared_domain_is_verified_on_our_word(house: House, browser: Browser) -> None:
    path = with_domain(browser)
    assert "Not verified" in browser.get(path).text

    asked = browser.send(browser.get(path), f"{path}/declare")
    assert house.rows("SELECT verified FROM domain") == [{"verified": False}]
    page = browser.agree(asked)

    assert "on your word" in page.text
    assert house.rows("SELECT verified FROM domain") == [{"verified": True}]


def test_warmup_starts_and_shows_the_day(house: House, browser: Browser) -> None:
    """The numbers are `domain_days`', which the API shows too."""
    path = with_domain(browser, verified="yes")

    page = browser.send(
        browser.get(path), f"{path}/warmup", enabled="yes", start="40", factor="2", target="100"
    )

    assert "Warming up" in page.text
    with house.store.snapshot() as connection:
        [day] = warmup.domain_days(connection, house.clock.now())
    assert (day.day, day.limit, day.left) == (1, 40, 40)
    assert f"Used today {day.used} of {day.limit}" in page.text
    table = [40, 80, 100, 100]
    assert all(f"{limit} 0" in page.text for limit in table)
    house.clock.moment += timedelta(days=1)
    assert "of 80" in browser.get(path).text


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"start": "0"}, "start"),
        ({"start": "many"}, "start"),
        ({"factor": "1"}, "factor"),
        ({"factor": "x"}, "factor"),
        ({"target": ""}, "target"),
        ({"table": "25, x"}, "table"),
        ({"table": "25, -1"}, "table"),
    ],
)
def test_warmup_faults_stand_beside_fields(
    house: House, browser: Browser, fields: dict[str, str], name: str
) -> None:
    path = with_domain(browser)

    page = browser.send(browser.get(path), f"{path}/warmup", enabled="yes", **fields)

    assert page.status == 400
    assert page.fault(name)
    assert house.rows("SELECT warmup_state FROM domain") == [{"warmup_state": "inactive"}]


def test_table_replaces_the_curve(house: House, browser: Browser) -> None:
    path = with_domain(browser)

    browser.send(browser.get(path), f"{path}/warmup", enabled="yes", table="10, 20 30")

    assert house.rows("SELECT warmup_table FROM domain") == [{"warmup_table": [10, 20, 30]}]
    assert browser.get(path).form(f"{path}/warmup").fields["table"] == "10, 20, 30"


def test_pause_shows_why_and_resumes(browser: Browser) -> None:
    path = with_domain(browser)
    browser.send(browser.get(path), f"{path}/warmup", enabled="yes")

    page = browser.send(browser.get(path), f"{path}/pause", reason="odd bounces")
    assert "Nothing goes out over this domain: odd bounces" in page.text
    assert "Paused: odd bounces" in browser.get("/sending").text

    page = browser.send(page, f"{path}/resume")
    assert "Warming up" in page.text


def test_warmup_ends_only_once_asked(house: House, browser: Browser) -> None:
    """The tick alone lifts every limit, so its taking away says so first; a pause stays one."""
    path = with_domain(browser)
    browser.send(browser.get(path), f"{path}/warmup", enabled="yes")
    off = {**browser.get(path).form(f"{path}/warmup").fields, "start": "30"}
    del off["enabled"]

    asked = browser.post(f"{path}/warmup", off)
    assert "No limit holds any more" in asked.text
    assert house.rows("SELECT warmup_state FROM domain") == [{"warmup_state": "active"}]
    browser.send(browser.get(path), f"{path}/pause", reason="odd bounces")
    assert "It stays paused" in browser.post(f"{path}/warmup", off).text
    browser.send(browser.get(path), f"{path}/resume")

    browser.agree(asked)

    state = house.rows("SELECT warmup_state, warmup_start FROM domain")
    assert state == [{"warmup_state": "inactive", "warmup_start": 30}]


def test_default_that_stops_sequences_asks(world: World) -> None:
    """A sender that can't be used yet: whom that would keep waiting is said before."""
    world.domain()
    world.sequence((0,))
    with world.store.transaction() as connection:
        domain = senders.add_domain(connection, "new.example", START, verified=False)
        sender = senders.add_sender(connection, domain, "hi@new.example", START)
        connection.execute("UPDATE sequence SET sender_id = NULL, name = 'Welcome'")
        connection.execute("UPDATE step SET sender_id = NULL")
    with TestClient(create_site(world.store, world.settings, clock=MovableClock(START))) as client:
        browser = House(world.store, world.settings, MovableClock(START), client).signed_in()
        path = f"/sending/senders/{public_id(Kind.SENDER, sender)}/default"

        asked = browser.send(browser.get("/sending/senders"), path)
        assert "1 active sequence names no sender and would stand still: Welcome." in asked.text
        page = browser.agree(asked)
        assert "hi@new.example sends for every sequence that names no sender." in page.text


def test_waiting_and_health_are_shown(house: House, browser: Browser) -> None:
    path = with_domain(browser, verified="yes")

    page = counted(browser, path)

    with house.store.snapshot() as connection:
        [health] = domain_health(connection, house.clock.now()).values()
    assert f"{health.sent} since" in page.text
    assert "Waiting 0" in page.text


def test_senders_change_hands(house: House, browser: Browser) -> None:
    with_domain(browser, verified="yes")
    for name in ("first", "second"):
        browser.send(browser.get("/sending/senders/new"), "/sending/senders", email=f"{name}@example.com")
    ids = {row["email"]: row["id"] for row in house.rows("SELECT id, email FROM sender")}
    second = f"/sending/senders/{public_id(Kind.SENDER, ids['second@example.com'])}"

    browser.send(browser.get("/sending/senders"), f"{second}/default")
    browser.send(browser.get(f"{second}/edit"), f"{second}/edit", name="Ada", replyTo="team@example.com")
    with house.store.snapshot() as connection:
        sender = senders.get_sender(connection, ids["second@example.com"])
    assert (sender["is_default"], sender["name"], sender["reply_to"]) == (True, "Ada", "team@example.com")

    asked = browser.send(browser.get("/sending/senders"), f"{second}/delete")
    assert "Another sender becomes the default one" in asked.text
    browser.agree(asked)
    assert house.rows("SELECT email FROM sender WHERE is_default") == [{"email": "first@example.com"}]


def test_held_sender_shows_words_and_is_released(house: House, browser: Browser) -> None:
    with_domain(browser, verified="yes")
    browser.send(browser.get("/sending/senders/new"), "/sending/senders", email="hello@example.com")
    with house.changing() as connection:
        connection.execute(
            "UPDATE sender SET held_at = $now, hold_reason = $why", {"now": house.clock.now(), "why": HOSTILE}
        )
    [row] = house.rows("SELECT id FROM sender")
    release = f"/sending/senders/{public_id(Kind.SENDER, row['id'])}/release"

    for path in ("/sending", "/sending/senders", "/sending/trouble"):
        html = browser.get(path).html
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html
    page = browser.send(browser.get("/sending/trouble"), release)

    assert "is released" in page.text
    assert house.rows("SELECT held_at FROM sender") == [{"held_at": None}]


def test_reading_key_changes_no_sending(house: House, browser: Browser) -> None:
    path = with_domain(browser)
    reader = house.signed_in("reader", KeyScope.READ)
    csrf = reader.get(path).form(f"{path}/warmup").fields["csrf"]

    for address in (
        "/sending/domains", f"{path}/warmup", f"{path}/pause", f"{path}/declare", f"{path}/verify",
        "/sending/senders", "/sending/suppressions", "/sending/trouble/settle",
    ):  # fmt: skip
        assert reader.post(address, {"csrf": csrf, "sure": "yes", "policy": "resend"}).status == 403
    assert house.rows("SELECT warmup_state, verified FROM domain") == [
        {"warmup_state": "inactive", "verified": False}
    ]
