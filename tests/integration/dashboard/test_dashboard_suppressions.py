"""Suppressions: added, found, lifted (issue 7; SPEC 3)."""

import pytest

from tests.integration.dashboard.client import Browser, House, Reader
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.suppressions import suppressions_of


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
