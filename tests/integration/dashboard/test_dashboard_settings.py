"""API keys, outgoing webhooks, templates and the audit trail (issue 7; SPEC 8)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dashboard.client import Browser, House, Page, Reader, opened_house
from tests.integration.outgoing.receiver import Receiver, running_receiver
from xmit_pipeline.dashboard.audit_words import deed
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.connection import rows_as_dicts
from xmit_pipeline.store.keys import KeyScope, hash_of
from xmit_pipeline.store.templates import get_template

HOSTILE = "<script>alert(1)</script>"


def rows(house: House, query: str) -> list[dict[str, Any]]:
    with house.store.snapshot() as connection:
        return rows_as_dicts(connection, query)


def test_key_is_shown_once(house: House, browser: Browser) -> None:
    page = browser.send(browser.get("/settings"), "/settings/keys", name="shop", scope="read")

    [key] = re.findall(r'value="(pm_live_\w+)"', page.html)
    assert key not in browser.get("/settings").html
    [row] = rows(house, "SELECT * FROM api_key WHERE name = 'shop'")
    assert (row["hash"], row["scope"]) == (hash_of(key), "read")
    assert house.browser().sign_in(key).status == 200
    assert key not in str(rows(house, "SELECT details FROM audit"))


@pytest.mark.parametrize(
    ("fields", "name"), [({"name": " "}, "name"), ({"name": "x", "scope": "all"}, "scope")]
)
def test_key_faults_stand_beside_fields(browser: Browser, fields: dict[str, str], name: str) -> None:
    page = browser.send(browser.get("/settings"), "/settings/keys", **fields)

    assert page.status == 400
    assert page.fault(name)


def test_key_is_revoked_after_asking(house: House, browser: Browser) -> None:
    """One key and no namesake of it; it opens nothing more."""
    keys = [house.key("shop"), house.key("shop")]
    [row] = [row for row in rows(house, "SELECT * FROM api_key") if row["hash"] == hash_of(keys[0])]
    address = f"/settings/keys/{row['id']}/revoke"

    asked = browser.send(browser.get("/settings"), address)
    assert "Revoke the key shop" in asked.text
    assert rows(house, "SELECT 1 FROM api_key WHERE revoked_at IS NOT NULL") == []
    page = browser.agree(asked)

    assert "The key shop is revoked." in page.text
    assert [row["hash"] for row in rows(house, "SELECT hash FROM api_key WHERE revoked_at IS NOT NULL")] == [
        hash_of(keys[0])
    ]
    assert browser.post(address, browser.get("/settings").form("/sign-out").fields).status == 404


def test_own_key_is_known_from_its_namesake(house: House) -> None:
    """Who revokes the key that they are signed in with is told so, and is out."""
    own, namesake = house.key("shop"), house.key("shop")
    browser = house.browser()
    browser.sign_in(own)
    ids = {row["hash"]: row["id"] for row in rows(house, "SELECT id, hash FROM api_key")}
    mine, other = (f"/settings/keys/{ids[hash_of(key)]}/revoke" for key in (own, namesake))

    assert "You are signed in with it" not in browser.send(browser.get("/settings"), other).text
    asked = browser.send(browser.get("/settings"), mine)
    assert "You are signed in with it" in asked.text

    assert browser.agree(asked).path == "/sign-in"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def private_house(tmp_path: Path) -> Iterator[House]:
    """A house whose webhooks may go to this machine."""
    with opened_house(tmp_path / "private", XMIT_WEBHOOKS_PRIVATE="allow") as opened:
        yield opened


def with_webhook(browser: Browser, url: str = "https://example.com/hooks", **fields: str) -> Page:
    return browser.send(
        browser.get("/settings/webhooks/new"), "/settings/webhooks", url=url, events="email.sent", **fields
    )


def address_of(house: House) -> str:
    [row] = rows(house, "SELECT id FROM webhook_endpoint WHERE deleted_at IS NULL")
    return f"/settings/webhooks/{public_id(Kind.WEBHOOK, row['id'])}"


def test_webhook_secret_is_shown_once(house: House, browser: Browser) -> None:
    page = with_webhook(browser, description=HOSTILE)

    [secret] = re.findall(r'value="(whsec_[^"]+)"', page.html)
    [row] = rows(house, "SELECT * FROM webhook_endpoint")
    assert row["secret"] == secret
    for path in ("/settings/webhooks", address_of(house), f"{address_of(house)}/edit"):
        html = browser.get(path).html
        assert secret not in html
        assert HOSTILE not in html


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"url": "not an address"}, "url"), ({"url": "https://example.com", "events": "email.lost"}, "events")],
)
def test_webhook_faults_stand_beside_fields(
    house: House, browser: Browser, fields: dict[str, str], name: str
) -> None:
    form = browser.get("/settings/webhooks/new").form("/settings/webhooks").fields

    page = browser.post("/settings/webhooks", {**form, "events": "email.sent", **fields})

    assert page.status == 400
    assert page.fault(name)
    assert rows(house, "SELECT 1 FROM webhook_endpoint") == []


def test_webhook_without_events_is_refused(browser: Browser) -> None:
    page = browser.send(
        browser.get("/settings/webhooks/new"), "/settings/webhooks", url="https://example.com"
    )

    assert page.fault("events")


def test_ping_arrives_and_stands_in_the_list(private_house: House, receiver: Receiver) -> None:
    browser = private_house.signed_in()
    with_webhook(browser, receiver.url)
    path = address_of(private_house)

    page = browser.send(browser.get(path), f"{path}/test")

    assert "The ping arrived: it was answered 204." in page.text
    assert [post["type"] for post in receiver.told()] == ["ping"]
    assert "ping Delivered 204" in page.text


def test_failed_ping_says_what_was_answered(private_house: House, receiver: Receiver) -> None:
    browser = private_house.signed_in()
    with_webhook(browser, receiver.url)
    receiver.answer = lambda _: (500, {}, b"broken")
    path = address_of(private_house)

    page = browser.send(browser.get(path), f"{path}/test")
    assert "did not arrive; it was answered 500" in page.text

    [retry] = [form.action for form in Reader(page.html).forms if form.action.endswith("/retry")]
    assert "It is posted again within a minute." in browser.send(page, retry).text
    assert rows(private_house, "SELECT state FROM webhook_delivery") == [{"state": "waiting"}]
    assert "ping" in browser.get(f"{path}?state=waiting").text
    assert "Nothing told yet in this state" in browser.get(f"{path}?state=delivered").text


def test_webhook_is_edited_rotated_and_deleted(house: House, browser: Browser) -> None:
    with_webhook(browser)
    path = address_of(house)
    [before] = rows(house, "SELECT secret FROM webhook_endpoint")
    form = browser.get(f"{path}/edit").form(f"{path}/edit").fields
    form.pop("enabled")

    browser.post(f"{path}/edit", {**form, "events": "email.opened"})
    assert rows(house, "SELECT type FROM webhook_subscription") == [{"type": "email.opened"}]
    assert rows(house, "SELECT enabled FROM webhook_endpoint") == [{"enabled": False}]
    assert "whsec_" in browser.agree(browser.send(browser.get(path), f"{path}/rotate")).html
    assert rows(house, "SELECT secret FROM webhook_endpoint") != [before]
    gone = browser.agree(browser.send(browser.get(path), f"{path}/delete"))
    assert gone.path == "/settings/webhooks"
    assert browser.get(path).status == 404


def test_template_is_written_shown_and_deleted(house: House, browser: Browser) -> None:
    page = browser.send(
        browser.get("/settings/templates/new"),
        "/settings/templates",
        name="Hello",
        subject="Hi {{ firstName }}",
        bodyHtml="<p>{{ firstName }}</p>",
    )
    path = page.path
    assert "Hi Ada" in browser.get(f"{path}/preview").text

    browser.send(page, path, subject="Dear {{ firstName }}")
    with house.store.snapshot() as connection:
        row = get_template(connection, parse_id(Kind.TEMPLATE, path.rpartition("/")[2]))
    assert (row["subject"], row["body_html"]) == ("Dear {{ firstName }}", "<p>{{ firstName }}</p>")
    assert "Hello" in browser.get("/settings/templates?q=DEAR").text
    gone = browser.agree(browser.send(browser.get(path), f"{path}/delete"))
    assert gone.path == "/settings/templates"
    assert browser.get(path).status == 404


def test_template_fault_names_its_line(browser: Browser) -> None:
    page = browser.send(
        browser.get("/settings/templates/new"),
        "/settings/templates",
        name="Hello",
        subject="Hi",
        bodyHtml="<p>\n{% if %}</p>",
    )

    assert page.status == 400
    assert "ine 2" in page.fault("bodyHtml")
    assert page.form("/settings/templates").fields["bodyHtml"].strip() == "<p>\n{% if %}</p>"


def test_preview_of_a_draft_saves_nothing(house: House, browser: Browser) -> None:
    """And runs nothing: a policy of its own, and the mail in a frame."""
    form = browser.get("/settings/templates/new").form("/settings/templates").fields

    page = browser.post(
        "/settings/templates/preview", {**form, "subject": "Hi {{ firstName }}", "bodyHtml": HOSTILE}
    )

    assert "Hi Ada" in page.text
    assert "sandbox" in page.answer.headers["content-security-policy"]
    assert HOSTILE not in page.html
    assert rows(house, "SELECT 1 FROM template") == []


def test_audit_filters_by_who_what_and_about(house: House, browser: Browser) -> None:
    other = house.signed_in("colleague")
    browser.send(browser.get("/lists/new"), "/lists", name="One")
    path = other.send(other.get("/lists/new"), "/lists", name="Two").path
    other.agree(other.send(other.get(path), f"{path}/delete"))

    text = browser.get("/settings/audit?who=colleague&what=create_list").text
    assert "colleague Made a list" in text
    assert "marketing Made a list" not in text
    about = browser.get(f"/settings/audit?q={path.rpartition('/')[2]}").text
    assert "Deleted a list" in about
    assert "marketing Made a list" not in about
    with house.store.snapshot() as connection:
        entries = audit_page(connection)
    assert all(deed(entry["what"]) in browser.get("/settings/audit").text for entry in entries)


def test_audit_names_what_was_changed(house: House, browser: Browser) -> None:
    """Ids are names that lead to their pages, what is gone is a name alone, and rows of a form are one word."""
    a_list = browser.send(browser.get("/lists/new"), "/lists", name="Newsletter").path
    for name in ("ada", "grace"):
        metadata = {"key-0": "plan", "value-0": "pro", "listId": a_list.rpartition("/")[2]}
        browser.send(browser.get("/contacts/new"), "/contacts", email=f"{name}@example.org", **metadata)
    ids = [public_id(Kind.CONTACT, row["id"]) for row in rows(house, "SELECT id FROM contact ORDER BY email")]
    csrf = browser.get("/contacts").form("/sign-out").fields["csrf"]
    browser.client.post("/contacts/delete", data={"csrf": csrf, "sure": "yes", "id": ids[1:]})
    browser.client.post(f"{a_list}/remove", data={"csrf": csrf, "sure": "yes", "id": ids[:1]})

    page = browser.get("/settings/audit")

    assert "Took contacts off a list" in page.text
    assert f'Contacts: <a href="/contacts/{ids[0]}">ada@example.org</a>' in page.html
    assert f'List: <a href="{a_list}">Newsletter</a>' in page.html
    assert "Contacts: a deleted contact" in page.text
    assert "first name, metadata, last name" in page.text
    assert "key-0" not in page.text
    assert "Deleted contacts" in browser.get(f"/settings/audit?q={ids[1]}").text


def test_audit_shows_hostile_names_as_text(browser: Browser) -> None:
    browser.send(browser.get("/settings"), "/settings/keys", name=HOSTILE)

    for path in ("/settings", "/settings/audit"):
        html = browser.get(path).html
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html


def test_reading_key_changes_no_setting(house: House, browser: Browser) -> None:
    with_webhook(browser)
    path = address_of(house)
    reader = house.signed_in("reader", KeyScope.READ)
    csrf = reader.get(path).form(f"{path}/test").fields["csrf"]
    before = len(rows(house, "SELECT 1 FROM audit"))

    for address in (
        "/settings/keys", "/settings/webhooks", f"{path}/edit", f"{path}/rotate", f"{path}/test", f"{path}/delete",
        "/settings/templates", "/settings/templates/preview",
    ):  # fmt: skip
        assert reader.post(address, {"csrf": csrf, "sure": "yes", "name": "x", "scope": "full"}).status == 403
    assert len(rows(house, "SELECT 1 FROM audit")) == before
