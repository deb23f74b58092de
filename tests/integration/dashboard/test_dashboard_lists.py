"""Lists in the dashboard: made, filled by addresses, named, deleted with the API's reasons (issue 7; SPEC 2)."""

import pytest

from tests.integration.dashboard.client import Browser, House, Page
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import senders, sequences, steps
from xmit_pipeline.store.census import enrollment_counts
from xmit_pipeline.store.keys import KeyScope
from xmit_pipeline.store.lists import get_list

HOSTILE = "<script>alert(1)</script>"


def made(browser: Browser, name: str = "Newsletter") -> str:
    """A list made by the form; answers its address on the site."""
    return browser.send(browser.get("/lists/new"), "/lists", name=name).path


def filled(browser: Browser, path: str, addresses: str, **fields: str) -> Page:
    return browser.send(browser.get(path), f"{path}/add", addresses=addresses, **fields)


def count_of(house: House, path: str) -> int:
    with house.store.snapshot() as connection:
        return get_list(connection, parse_id(Kind.LIST, path.rpartition("/")[2]))["contact_count"]


def starting(house: House, path: str, name: str = "Welcome") -> None:
    """An active sequence that starts from a list."""
    now = house.clock.now()
    with house.changing() as connection:
        domain = senders.add_domain(connection, "example.com", now, verified=True)
        senders.add_sender(connection, domain, "hello@example.com", now)
        sequence = sequences.create_sequence(
            connection, now, name=name, trigger_type=TriggerType.LIST_ADD,
            trigger_list_id=parse_id(Kind.LIST, path.rpartition("/")[2]),
        )  # fmt: skip
        steps.add_step(
            connection, sequence, now, name="one", subject="Hi", body_html="<p>Hi</p>", delay_amount=0,
            delay_unit=DelayUnit.DAYS,
        )  # fmt: skip
        sequences.activate(connection, sequence, now)


def test_unknown_addresses_join_only_where_asked(house: House, browser: Browser) -> None:
    path = made(browser)

    refused = filled(browser, path, "ada@example.org\ngrace@example.org")
    assert refused.status == 400
    assert "ada@example.org, grace@example.org are not known" in refused.fault("addresses")
    assert count_of(house, path) == 0

    page = filled(browser, path, "ada@example.org, grace@example.org; ADA@example.org", create="yes")
    assert "2 new contacts" in page.text
    assert count_of(house, path) == 2


def test_known_addresses_join_once(house: House, browser: Browser) -> None:
    first, second = made(browser, "One"), made(browser, "Two")
    filled(browser, first, "ada@example.org", create="yes")

    page = filled(browser, second, "ada@example.org")
    again = filled(browser, second, "ada@example.org")

    assert "1 contact added, 0 on it before" in page.text
    assert "0 contacts added, 1 on it before" in again.text
    assert count_of(house, second) == 1


def test_joining_enrolls_in_active_sequences(house: House, browser: Browser) -> None:
    """SPEC 2: by dashboard as by API, in the same transaction."""
    path = made(browser)
    starting(house, path)
    assert "Who is put on this list is enrolled in Welcome" in browser.get(path).text

    filled(browser, path, "ada@example.org", create="yes")

    with house.store.snapshot() as connection:
        assert enrollment_counts(connection) == {"active": 1}


@pytest.mark.parametrize(
    ("addresses", "words"), [("", "at least one"), ("ada@example.org nobody", "nobody:")]
)
def test_bad_addresses_are_named(browser: Browser, addresses: str, words: str) -> None:
    path = made(browser)

    page = filled(browser, path, addresses, create="yes")

    assert page.status == 400
    assert words in page.fault("addresses")
    assert page.form(f"{path}/add").fields["addresses"].strip() == addresses


def test_taken_and_blank_names_are_refused(browser: Browser) -> None:
    path = made(browser)
    other = made(browser, "Other")

    assert "already" in browser.send(browser.get("/lists/new"), "/lists", name="Newsletter").fault("name")
    assert browser.send(browser.get("/lists/new"), "/lists", name=" ").fault("name")
    assert "already" in browser.send(browser.get(f"{other}/edit"), f"{other}/edit", name="Newsletter").fault(
        "name"
    )
    renamed = browser.send(
        browser.get(f"{path}/edit"), f"{path}/edit", name="Digest", description="Each week"
    )
    assert "Digest" in renamed.text
    assert "Each week" in renamed.text


def test_members_leave_and_stay_contacts(house: House, browser: Browser) -> None:
    path = made(browser)
    page = filled(browser, path, "ada@example.org grace@example.org", create="yes")
    form = page.form(f"{path}/remove")
    ids = [row["value"] for row in boxes(page)]

    asked = Page(browser.client.post(f"{path}/remove", data={"csrf": form.fields["csrf"], "id": ids}))
    assert "2 contacts leave Newsletter" in asked.text
    assert count_of(house, path) == 2
    one = browser.post(f"{path}/remove", {"csrf": form.fields["csrf"], "id": ids[0]})

    assert "1 contact taken off Newsletter" in one.text
    assert count_of(house, path) == 1
    assert browser.get(f"/contacts/{ids[0]}").status == 200


def test_asking_call_of_the_script_does_nothing(house: House, browser: Browser) -> None:
    """It gets the page that asks, or hears that nothing is asked; also where it says that it is sure."""
    path = made(browser)
    page = filled(browser, path, "ada@example.org grace@example.org", create="yes")
    csrf, ids = page.form(f"{path}/remove").fields["csrf"], [row["value"] for row in boxes(page)]

    def asked(**fields: object) -> tuple[int, bool]:
        given = {"csrf": csrf, **fields}
        answer = browser.client.post(f"{path}/remove", data=given, headers={"X-Xmit-Asks": "yes"})
        return answer.status_code, 'id="ask"' in answer.text

    assert asked(id=ids) == (200, True)
    assert asked(id=ids, sure="yes") == (200, True)
    assert asked(id=ids[:1]) == (204, False)
    assert count_of(house, path) == 2


def test_only_a_list_trigger_starts_from_it(house: House, browser: Browser) -> None:
    """A sequence by hand has no list, whatever was chosen for it before; a paused one is told apart."""
    path = made(browser)
    list_id = parse_id(Kind.LIST, path.rpartition("/")[2])
    starting(house, path, "Welcome")
    assert "Who is put on this list is enrolled in Welcome" in browser.get(path).text
    with house.changing() as connection:
        connection.execute("UPDATE sequence SET status = 'paused'")
    assert "starts from it too, and takes nobody while it is paused." in browser.get(path).text

    with house.changing() as connection:
        connection.execute("UPDATE sequence SET trigger_type = 'manual'")
        connection.execute("UPDATE sequence SET trigger_list_id = $id", {"id": list_id})

    assert "No sequence starts from it." in browser.get(path).text
    assert "Delete the list Newsletter?" in browser.send(browser.get(path), f"{path}/delete").text


def test_list_in_use_is_not_deleted(house: House, browser: Browser) -> None:
    """SPEC 2: 409, with the sequence that starts from it."""
    path = made(browser)
    starting(house, path)

    page = browser.send(browser.get(path), f"{path}/delete")

    assert page.status == 409
    assert "trigger of 'Welcome'" in page.text


def test_delete_says_how_many_leave(browser: Browser) -> None:
    path = made(browser)
    filled(browser, path, "ada@example.org grace@example.org", create="yes")

    asked = browser.send(browser.get(path), f"{path}/delete")
    assert "2 contacts leave it" in asked.text
    gone = browser.agree(asked)

    assert gone.path == "/lists"
    assert browser.get(path).status == 404
    assert browser.get("/contacts").text.count("@example.org") == 2


def test_counts_are_those_of_the_api(house: House, browser: Browser) -> None:
    path = made(browser)
    filled(browser, path, "ada@example.org grace@example.org", create="yes")

    count = count_of(house, path)

    assert f"Newsletter {count} " in browser.get("/lists").text
    assert f"{count} contacts." in browser.get(path).text


def test_search_finds_lists_and_members(browser: Browser) -> None:
    path = made(browser)
    made(browser, "Digest")
    filled(browser, path, "ada@example.org grace@example.org", create="yes")

    assert "Digest" not in browser.get("/lists?q=NEWS").text
    found = browser.get(f"{path}?q=gra").text
    assert "grace@example.org" in found
    assert "ada@example.org" not in found


def test_stored_script_is_shown_as_text(browser: Browser) -> None:
    path = made(browser, HOSTILE)

    for address in ("/lists", path, f"{path}/edit"):
        html = browser.get(address).html
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html


def test_reading_key_changes_no_list(house: House, browser: Browser) -> None:
    path = made(browser)
    reader = house.signed_in("reader", KeyScope.READ)
    csrf = reader.get(path).form(f"{path}/add").fields["csrf"]

    for address in ("/lists", f"{path}/add", f"{path}/edit", f"{path}/delete"):
        answer = reader.post(
            address, {"csrf": csrf, "sure": "yes", "name": "x", "addresses": "a@example.org"}
        )
        assert answer.status == 403
    assert count_of(house, path) == 0


def boxes(page: Page) -> list[dict[str, str]]:
    """A page's checkboxes."""
    import re

    return [{"value": found} for found in re.findall(r'type="checkbox" name="id" value="([^"]*)"', page.html)]
