"""Domains, warmup, senders, suppressions, and what waits for a person (issue 7; SPEC 3, 4, 6)."""

import time
from datetime import timedelta
from typing import Any

import pytest

from tests.campaigns import START, World
from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Page, Reader, TestClient
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.store import senders, warmup
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.circuits import fail_circuit
from xmit_pipeline.store.connection import rows_as_dicts
from xmit_pipeline.store.health import domain_health
from xmit_pipeline.store.keys import KeyScope
from xmit_pipeline.store.suppressions import suppressions_of

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


def rows(house: House, query: str, **parameters: Any) -> list[dict[str, Any]]:
    with house.store.snapshot() as connection:
        return rows_as_dicts(connection, query, parameters or None)


def test_domain_and_sender_begin_by_forms(house: House, browser: Browser) -> None:
    path = with_domain(browser, verified="yes")
    page = browser.get("/sending/senders/new")

    page = browser.send(page, "/sending/senders", email="hello@example.com", name="Ada")

    assert "and the default one" in page.text
    assert "Verified" in browser.get(path).text
    [sender] = rows(house, "SELECT * FROM sender")
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
    assert rows(house, "SELECT verified FROM domain") == [{"verified": False}]
    page = browser.agree(asked)

    assert "on your word" in page.text
    assert rows(house, "SELECT verified FROM domain") == [{"verified": True}]


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
    assert rows(house, "SELECT warmup_state FROM domain") == [{"warmup_state": "inactive"}]


def test_table_replaces_the_curve(house: House, browser: Browser) -> None:
    path = with_domain(browser)

    browser.send(browser.get(path), f"{path}/warmup", enabled="yes", table="10, 20 30")

    assert rows(house, "SELECT warmup_table FROM domain") == [{"warmup_table": [10, 20, 30]}]
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
    assert rows(house, "SELECT warmup_state FROM domain") == [{"warmup_state": "active"}]
    browser.send(browser.get(path), f"{path}/pause", reason="odd bounces")
    assert "It stays paused" in browser.post(f"{path}/warmup", off).text
    browser.send(browser.get(path), f"{path}/resume")

    browser.agree(asked)

    state = rows(house, "SELECT warmup_state, warmup_start FROM domain")
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
    ids = {row["email"]: row["id"] for row in rows(house, "SELECT id, email FROM sender")}
    second = f"/sending/senders/{public_id(Kind.SENDER, ids['second@example.com'])}"

    browser.send(browser.get("/sending/senders"), f"{second}/default")
    browser.send(browser.get(f"{second}/edit"), f"{second}/edit", name="Ada", replyTo="team@example.com")
    with house.store.snapshot() as connection:
        sender = senders.get_sender(connection, ids["second@example.com"])
    assert (sender["is_default"], sender["name"], sender["reply_to"]) == (True, "Ada", "team@example.com")

    asked = browser.send(browser.get("/sending/senders"), f"{second}/delete")
    assert "Another sender becomes the default one" in asked.text
    browser.agree(asked)
    assert rows(house, "SELECT email FROM sender WHERE is_default") == [{"email": "first@example.com"}]


def test_held_sender_shows_words_and_is_released(house: House, browser: Browser) -> None:
    with_domain(browser, verified="yes")
    browser.send(browser.get("/sending/senders/new"), "/sending/senders", email="hello@example.com")
    with house.changing() as connection:
        connection.execute(
            "UPDATE sender SET held_at = $now, hold_reason = $why", {"now": house.clock.now(), "why": HOSTILE}
        )
    [row] = rows(house, "SELECT id FROM sender")
    release = f"/sending/senders/{public_id(Kind.SENDER, row['id'])}/release"

    for path in ("/sending", "/sending/senders", "/sending/trouble"):
        html = browser.get(path).html
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html
    page = browser.send(browser.get("/sending/trouble"), release)

    assert "is released" in page.text
    assert rows(house, "SELECT held_at FROM sender") == [{"held_at": None}]


def test_suppression_is_added_found_and_lifted(house: House, browser: Browser) -> None:
    page = browser.send(
        browser.get("/sending/suppressions/new"),
        "/sending/suppressions",
        email="Ada@Example.org",
        expiresAt="2027-01-31T12:00",
    )
    assert "ada@example.org is mailed no more" in page.text
    assert "By hand 1" in page.text
    assert "ada@example.org" not in browser.get("/sending/suppressions?reason=bounce").text

    found = browser.get("/sending/suppressions?q=ADA")
    [lift] = [form.action for form in Reader(found.html).forms if form.action.endswith("/lift")]
    page = browser.agree(browser.send(found, lift))

    assert "may be mailed again" in page.text
    with house.store.snapshot() as connection:
        assert not suppressions_of(connection, "ada@example.org", house.clock.now())


def test_lifting_a_persons_wish_takes_force(house: House, browser: Browser) -> None:
    """SPEC 3: only the person, or force with an audit entry."""
    browser.send(
        browser.get("/sending/suppressions/new"),
        "/sending/suppressions",
        email="ada@example.org",
        reason="unsubscribe",
    )
    page = browser.get("/sending/suppressions")
    [lift] = [form.action for form in Reader(page.html).forms if form.action.endswith("/lift")]
    fields = page.form(lift).fields

    assert browser.post(lift, {"csrf": fields["csrf"], "sure": "yes"}).status == 409
    asked = browser.send(page, lift)
    assert "by force" in asked.text
    assert "mailed again" in browser.agree(asked).text

    with house.store.snapshot() as connection:
        [entry] = audit_page(connection, what="suppression.lift")
    assert entry["who"] == "marketing"
    assert '"forced":true' in entry["details"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@example.org", "expiresAt": "soon"}, "expiresAt"),
        ({"email": "a@example.org", "expiresAt": "2020-01-01"}, "expiresAt"),
        ({"email": "a@example.org", "reason": "whim"}, "reason"),
    ],
)
def test_suppression_faults_stand_beside_fields(browser: Browser, fields: dict[str, str], name: str) -> None:
    page = browser.send(browser.get("/sending/suppressions/new"), "/sending/suppressions", **fields)

    assert page.status == 400
    assert page.fault(name)


def test_suppressed_twice_is_told_beside_it(browser: Browser) -> None:
    for _ in range(2):
        page = browser.send(
            browser.get("/sending/suppressions/new"), "/sending/suppressions", email="ada@example.org"
        )
    assert "already" in page.fault("email")


@pytest.fixture
def unanswered(world: World) -> House:
    """Five people whose first mail left in one request, and no answer came."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(5))
    world.faults({"kind": "reset", "when": "after"})
    assert world.tick(START).counts["unknown"] == 5
    clock = MovableClock(START + timedelta(hours=1))
    return House(
        world.store, world.settings, clock, TestClient(create_site(world.store, world.settings, clock=clock))
    )


@pytest.mark.parametrize(
    ("button", "state", "told"),
    [("Presume all sent", "sent", "5 presumed sent"), ("Send all again", "waiting", "5 go out again")],
)
def test_unknown_mail_is_settled_either_way(unanswered: House, button: str, state: str, told: str) -> None:
    """SPEC 6.6: each decision says what it means for how many before it is taken."""
    browser = unanswered.signed_in("operator")
    page = browser.get("/sending/trouble")
    assert "Unknown fate: 5 messages" in page.text

    asked = browser.send(page, "/sending/trouble/settle", button)
    assert "Settle 5 messages of unknown fate?" in asked.text
    assert rows(unanswered, "SELECT DISTINCT state FROM message") == [{"state": "unknown"}]
    page = browser.agree(asked)

    assert told in page.text
    assert rows(unanswered, "SELECT DISTINCT state FROM message") == [{"state": state}]
    with unanswered.store.snapshot() as connection:
        assert audit_page(connection, what="settle_unknown")[0]["who"] == "operator"


def test_one_request_is_settled_alone(unanswered: House) -> None:
    browser = unanswered.signed_in("operator")
    [row] = rows(unanswered, "SELECT id FROM request WHERE state = 'unknown'")
    stranger = {"policy": "resend", "request": public_id(Kind.REQUEST, new_id()), "sure": "yes"}
    page = browser.get("/sending/trouble")
    csrf = page.form("/sending/trouble/settle").fields["csrf"]

    assert browser.post("/sending/trouble/settle", {**stranger, "csrf": csrf}).status == 404
    known = {"policy": "presume_sent", "request": public_id(Kind.REQUEST, row["id"]), "sure": "yes"}
    assert "5 presumed sent" in browser.post("/sending/trouble/settle", {**known, "csrf": csrf}).text


def test_held_step_is_released_from_here(world: World) -> None:
    world.domain()
    world.sequence()
    world.change("UPDATE step SET held_at = $now, hold_reason = 'too many failed'", now=START)
    clock = MovableClock(START)
    house = House(
        world.store, world.settings, clock, TestClient(create_site(world.store, world.settings, clock=clock))
    )
    browser = house.signed_in("operator")
    page = browser.get("/sending/trouble")
    assert "too many failed" in page.text

    [release] = {form.action for form in Reader(page.html).forms if "/trouble/steps/" in form.action}
    page = browser.send(page, release, "Release and skip who fails")

    assert "is released; those that it can't be rendered for are skipped" in page.text
    assert rows(house, "SELECT held_at, skip_failing FROM step") == [{"held_at": None, "skip_failing": True}]


def test_open_circuit_says_what_to_do(house: House, browser: Browser) -> None:
    with house.changing() as connection:
        fail_circuit(connection, house.clock.now(), Cause.CREDENTIALS, "The key is gone")

    for path in ("/sending", "/sending/trouble"):
        assert "The key is gone" in browser.get(path).text
    assert "Check SENDGRID_API_KEY" in browser.get("/sending/trouble").text


def test_reading_key_changes_no_sending(house: House, browser: Browser) -> None:
    path = with_domain(browser)
    reader = house.signed_in("reader", KeyScope.READ)
    csrf = reader.get(path).form(f"{path}/warmup").fields["csrf"]

    for address in (
        "/sending/domains", f"{path}/warmup", f"{path}/pause", f"{path}/declare", f"{path}/verify",
        "/sending/senders", "/sending/suppressions", "/sending/trouble/settle",
    ):  # fmt: skip
        assert reader.post(address, {"csrf": csrf, "sure": "yes", "policy": "resend"}).status == 403
    assert rows(house, "SELECT warmup_state, verified FROM domain") == [
        {"warmup_state": "inactive", "verified": False}
    ]
