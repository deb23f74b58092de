"""Contacts in the dashboard: found, added, changed, unsubscribed, deleted, all without script (issue 7)."""

import orjson
import pytest

from tests.integration.dashboard.client import Browser, House, Page
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.contacts import contacts_page, get_contact
from xmit_pipeline.store.keys import KeyScope
from xmit_pipeline.store.suppressions import suppressions_of

HOSTILE = "<script>alert(1)</script>"


def added(browser: Browser, email: str = "ada@example.org", **fields: str) -> str:
    """A contact made by the form; answers its address on the site."""
    page = browser.send(browser.get("/contacts/new"), "/contacts", email=email, **fields)
    assert page.status == 200, page.text
    return page.path


def everybody(house: House) -> list[str]:
    with house.store.snapshot() as connection:
        return [row["email"] for row in contacts_page(connection)]


def test_form_adds_contact_with_metadata(house: House, browser: Browser) -> None:
    path = added(
        browser,
        firstName="Ada",
        **{"key-0": "plan", "value-0": "pro", "key-1": "seats", "kind-1": "json", "value-1": "5"},
    )

    with house.store.snapshot() as connection:
        contact = get_contact(connection, parse_id(Kind.CONTACT, path.rpartition("/")[2]))
    assert (contact["email"], contact["first_name"]) == ("ada@example.org", "Ada")
    assert contact["metadata"] == '{"plan":"pro","seats":5}'


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"email": "nobody"}, "email", "@"),
        ({"email": "a@example.org", "key-0": "", "value-0": "x"}, "key-0", "name"),
        ({"email": "a@example.org", "key-0": "a", "kind-0": "json", "value-0": "{"}, "value-0", "JSON"),
        (
            {"email": "a@example.org", "key-0": "a", "value-0": "1", "key-1": "a", "value-1": "2"},
            "key-1",
            "above",
        ),
        ({"email": "a@example.org", "firstName": "x" * 300}, "firstName", "200"),
    ],
)
def test_fault_stands_beside_its_field(
    house: House, browser: Browser, fields: dict[str, str], name: str, words: str
) -> None:
    page = browser.send(browser.get("/contacts/new"), "/contacts", **fields)

    assert page.status == 400
    assert words in page.fault(name)
    assert page.form("/contacts").fields["email"] == fields["email"]
    assert everybody(house) == []


def test_known_address_is_refused_beside_it(browser: Browser) -> None:
    added(browser)

    page = browser.send(browser.get("/contacts/new"), "/contacts", email="ADA@example.org")

    assert page.status == 400
    assert "already" in page.fault("email")


def test_more_rows_keep_what_was_typed(house: House, browser: Browser) -> None:
    page = browser.send(
        browser.get("/contacts/new"),
        "/contacts",
        email="ada@example.org",
        more="yes",
        **{"key-0": "plan", "value-0": "pro"},
    )

    fields = page.form("/contacts").fields
    assert (fields["key-0"], fields["value-0"]) == ("plan", "pro")
    assert "key-7" in fields
    assert everybody(house) == []


def test_edit_changes_and_removes_metadata(house: House, browser: Browser) -> None:
    path = added(browser, **{"key-0": "plan", "value-0": "pro", "key-1": "old", "value-1": "x"})

    page = browser.send(
        browser.get(f"{path}/edit"),
        f"{path}/edit",
        lastName="Lovelace",
        **{"key-1": "", "value-1": "", "value-0": "max"},
    )

    assert page.path == path
    with house.store.snapshot() as connection:
        contact = get_contact(connection, parse_id(Kind.CONTACT, path.rpartition("/")[2]))
    assert (contact["last_name"], contact["metadata"]) == ("Lovelace", '{"plan":"max"}')


def test_untouched_metadata_stays_to_the_letter(house: House, browser: Browser) -> None:
    """Line ends, blanks around a name, numbers as they were written, and more names than a form can hold."""
    known = {"note": "one\r\ntwo\rthree\n", " odd ": "\n x", "rate": 1.50, **{f"k{n}": n for n in range(600)}}
    path = added(browser)
    contact_id = parse_id(Kind.CONTACT, path.rpartition("/")[2])
    with house.changing() as connection:
        connection.execute("UPDATE contact SET metadata = ?", [orjson.dumps(known).decode()])

    page = browser.get(f"{path}/edit")
    browser.send(page, f"{path}/edit", firstName="Ada", **{"value-4": "seven", "kind-4": "text"})

    assert "more names of this contact are not shown" in page.text
    with house.store.snapshot() as connection:
        contact = get_contact(connection, contact_id)
    assert contact["first_name"] == "Ada"
    assert orjson.loads(contact["metadata"]) == {**known, "k1": "seven"}


def test_name_that_is_not_shown_is_taken(house: House, browser: Browser) -> None:
    path = added(browser)
    with house.changing() as connection:
        keys = orjson.dumps({f"k{n}": n for n in range(300)}).decode()
        connection.execute("UPDATE contact SET metadata = ?", [keys])

    page = browser.send(
        browser.get(f"{path}/edit"), f"{path}/edit", **{"key-200": "k299", "value-200": "again"}
    )

    assert page.status == 400
    assert "already" in page.fault("key-200")


def test_contact_joins_a_list_from_their_page(browser: Browser) -> None:
    """The lists that they are not on are offered."""
    path = added(browser)
    list_path = browser.send(browser.get("/lists/new"), "/lists", name="Newsletter").path

    assert "Choose a list first." in browser.send(browser.get(path), f"{path}/lists").text
    page = browser.send(browser.get(path), f"{path}/lists", listId=list_path.rpartition("/")[2])

    assert "They are on the list now." in page.text
    assert "ada@example.org" in browser.get(list_path).text
    assert "Put on a list" not in page.text


def test_search_finds_address_and_name(browser: Browser) -> None:
    added(browser, "ada@example.org", firstName="Ada")
    added(browser, "grace@example.org", firstName="Grace")

    page = browser.get("/contacts?q=GRA")

    assert "grace@example.org" in page.text
    assert "ada@example.org" not in page.text


def test_pages_pass_everybody_once(house: House, browser: Browser) -> None:
    """Keyset paging: 120 people of one moment, three pages, nobody twice."""
    with house.changing() as connection:
        connection.execute(
            "INSERT INTO contact (id, email, metadata, status, created_at, updated_at) "
            "SELECT uuidv7(), 'p' || i || '@example.org', '{}', 'active', $now, $now FROM range(120) AS series(i)",
            {"now": house.clock.now()},
        )
    seen: list[str] = []
    page = browser.get("/contacts")
    while True:
        seen += [word for word in page.text.split() if word.endswith("@example.org")]
        older = [link for link in links(page) if "mark=o." in link]
        if not older:
            break
        page = browser.get(older[0])

    assert len(seen) == len(set(seen)) == 120


def test_counts_are_those_of_the_api(house: House, browser: Browser) -> None:
    """PAINS F2: a number has one source."""
    added(browser, "ada@example.org")
    path = added(browser, "grace@example.org")
    browser.agree(browser.post(f"{path}/unsubscribe", browser.get(path).form(f"{path}/unsubscribe").fields))

    with house.store.snapshot() as connection:
        total = contacts_page(connection)[0]["total"]
        unsubscribed = contacts_page(connection, status="unsubscribed")[0]["total"]
    text = browser.get("/contacts").text
    assert f"All {total}" in text
    assert f"Unsubscribed {unsubscribed}" in text


def test_unsubscribe_asks_and_suppresses(house: House, browser: Browser) -> None:
    path = added(browser)
    asked = browser.send(browser.get(path), f"{path}/unsubscribe")
    with house.store.snapshot() as connection:
        assert not suppressions_of(connection, "ada@example.org", house.clock.now())

    page = browser.agree(asked)

    assert page.path == path
    assert "Unsubscribed" in page.text
    with house.store.snapshot() as connection:
        assert suppressions_of(connection, "ada@example.org", house.clock.now())
        entry = audit_page(connection, what="unsubscribe_contact")[0]
    assert entry["who"] == "marketing"


def test_delete_of_ticked_says_how_many(house: House, browser: Browser) -> None:
    paths = [added(browser, f"{name}@example.org") for name in ("ada", "grace", "joan")]
    ids = [path.rpartition("/")[2] for path in paths[:2]]
    csrf = browser.get("/contacts").form("/contacts/delete").fields["csrf"]

    asked = Page(browser.client.post("/contacts/delete", data={"csrf": csrf, "id": ids}))
    assert "Delete 2 contacts?" in asked.text
    assert len(everybody(house)) == 3
    fields = {"csrf": csrf, "id": ids, "sure": "yes"}
    page = Page(browser.client.post("/contacts/delete", data=fields))

    assert "2 contacts deleted." in page.text
    assert everybody(house) == ["joan@example.org"]


def test_confirmation_keeps_every_ticked_id(browser: Browser) -> None:
    ids = [added(browser, f"{name}@example.org").rpartition("/")[2] for name in ("ada", "grace")]
    csrf = browser.get("/contacts").form("/contacts/delete").fields["csrf"]

    asked = Page(browser.client.post("/contacts/delete", data={"csrf": csrf, "id": ids}))

    assert all(f'name="id" value="{each}"' in asked.html for each in ids)


def test_stored_script_is_shown_as_text(browser: Browser) -> None:
    path = added(browser, firstName=HOSTILE, **{"key-0": HOSTILE, "value-0": HOSTILE})

    for page in (browser.get("/contacts"), browser.get(path), browser.get(f"{path}/edit")):
        assert HOSTILE not in page.html
        assert "&lt;script&gt;" in page.html


def test_reading_key_changes_nobody(house: House, browser: Browser) -> None:
    path = added(browser)
    reader = house.signed_in("reader", KeyScope.READ)
    token = reader.get(path).form(f"{path}/delete").fields

    answers = [
        reader.post("/contacts", {**token, "email": "new@example.org"}),
        reader.post(f"{path}/edit", {**token, "email": "other@example.org"}),
        reader.post(f"{path}/delete", {**token, "sure": "yes"}),
        reader.post("/contacts/delete", {**token, "id": path.rpartition("/")[2], "sure": "yes"}),
    ]

    assert [page.status for page in answers] == [403] * 4
    assert everybody(house) == ["ada@example.org"]


def test_unknown_contact_is_a_page(browser: Browser) -> None:
    assert browser.get("/contacts/con_01h45ytscbexvbgkcq6w9k1qd8").status == 404
    assert browser.get("/contacts/lst_01h45ytscbexvbgkcq6w9k1qd8").status == 404


def links(page: Page) -> list[str]:
    """Where a page's links lead."""
    import re
    from html import unescape

    return [unescape(found) for found in re.findall(r'href="([^"]*)"', page.html)]
