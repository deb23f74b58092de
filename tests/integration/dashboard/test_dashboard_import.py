"""A contact file sent by a plain form, its columns named, taken in, and reported on (issue 7; SPEC 5, 9)."""

import os
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import polars as pl
import pytest

from tests.integration.api.served import Served, served_api
from tests.integration.dashboard.client import Browser, House, Page, opened_house
from xmit_pipeline.dashboard.import_work import start_import
from xmit_pipeline.dashboard.uploads import ImportRecord, ImportState, Uploads
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.contacts import contacts_page
from xmit_pipeline.store.keys import KeyScope
from xmit_pipeline.store.lists import lists_page

PEOPLE = b"Email,First Name,Company Name\nada@example.org,Ada,Engines\ngrace@example.org,Grace,Navy\nnobody,No,Body\n"


def sent(browser: Browser, content: bytes = PEOPLE, name: str = "people.csv") -> Page:
    """A file, sent by the page's own form."""
    fields = browser.get("/contacts/import").form("/contacts/import").fields
    fields.pop("file")
    return Page(browser.client.post("/contacts/import", data=fields, files={"file": (name, content)}))


def finished(browser: Browser, page: Page) -> Page:
    """The import's page once it has ended."""
    deadline = time.monotonic() + 60
    while 'data-refresh="' in page.html:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        page = browser.get(page.path)
    return page


def everybody(house: House) -> dict[str, dict[str, object]]:
    with house.store.snapshot() as connection:
        return {row["email"]: row for row in contacts_page(connection, limit=1000)}


def test_file_comes_in_by_plain_forms(house: House, browser: Browser) -> None:
    """Headers preselected, Liquid keys shown, a new list, and a report with the line of each refused row."""
    page = sent(browser)
    fields = page.form(page.path).fields
    assert (fields["use-0"], fields["use-1"], fields["use-2"], fields["key-2"]) == (
        "email",
        "firstName",
        "own",
        "companyName",
    )
    assert "{{ companyName }}" in page.text

    page = finished(browser, browser.send(page, page.path, newList="Newsletter"))

    assert "The file is in" in page.text
    assert "4 nobody" in page.text
    people = everybody(house)
    assert set(people) == {"ada@example.org", "grace@example.org"}
    assert people["ada@example.org"]["metadata"] == '{"companyName":"Engines"}'
    with house.store.snapshot() as connection:
        [row] = lists_page(connection)
        assert (row["name"], row["contact_count"]) == ("Newsletter", 2)
        assert audit_page(connection, what="import_contacts")[0]["who"] == "marketing"


def test_report_of_refused_rows_downloads(browser: Browser) -> None:
    page = finished(browser, named(browser, sent(browser, b"email\nada@example.org\n=cmd()\n")))

    answer = browser.client.get(f"{page.path}/refused.csv")

    assert answer.headers["content-type"].startswith("text/csv")
    rows = pl.read_csv(BytesIO(answer.content))
    assert rows["line"].to_list() == [3]
    assert rows["address"].to_list() == ["'=cmd()"]


def named(browser: Browser, page: Page, **values: str) -> Page:
    return browser.send(page, page.path, **values)


def test_parquet_file_comes_in(house: House, browser: Browser) -> None:
    buffer = BytesIO()
    pl.DataFrame({"email": ["ada@example.org"], "seats": [5]}).write_parquet(buffer)

    finished(browser, named(browser, sent(browser, buffer.getvalue(), "people.parquet")))

    assert everybody(house)["ada@example.org"]["metadata"] == '{"seats":5}'


def test_collision_stands_beside_its_column(house: House, browser: Browser) -> None:
    """SPEC 5: keys that collide are refused; the page names them before anything is taken in."""
    page = sent(browser, b"email,Company Name,company-name\nada@example.org,a,b\n")
    assert "companyName already" in page.fault("key-2")

    refused = named(browser, page)
    assert refused.status == 400
    assert "companyName already" in refused.fault("key-2")
    assert everybody(house) == {}

    finished(browser, named(browser, refused, **{"key-2": "otherCompany"}))
    assert everybody(house)["ada@example.org"]["metadata"] == '{"companyName":"a","otherCompany":"b"}'


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"use-0": "-"}, "use-0", "No column holds e-mail addresses"),
        ({"use-2": "own", "key-2": "first name!"}, "key-2", "firstName"),
        ({"use-2": "own", "key-2": "email"}, "key-2", "built in"),
        ({"use-2": "firstName"}, "use-2", "firstName already"),
        ({"newList": "x" * 300}, "newList", "200"),
        ({"listId": "lst_01h45ytscbexvbgkcq6w9k1qd8"}, "listId", "gone"),
    ],
)
def test_mapping_faults_stand_beside_fields(
    house: House, browser: Browser, values: dict[str, str], name: str, words: str
) -> None:
    page = named(browser, sent(browser), **values)

    assert page.status == 400
    assert words in page.fault(name)
    assert everybody(house) == {}


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "empty.csv", "empty.csv is empty"),
        (b"PK\x03\x04rest", "book.xlsx", "save it as CSV"),
        (b"no parquet", "people.parquet", "isn't"),
    ],
)
def test_unreadable_file_is_refused_at_once(
    house: House, browser: Browser, content: bytes, name: str, words: str
) -> None:
    """The sentence names the file as its sender knows it, never a folder of ours."""
    page = sent(browser, content, name)

    assert page.status == 400
    assert words in page.fault("file")
    assert str(house.settings.home) not in page.html


def test_form_without_file_says_so(browser: Browser) -> None:
    page = sent(browser, b"", "")

    assert page.status == 400
    assert "Choose a CSV or Parquet file" in page.fault("file")


def test_file_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    """A limit of its own, far above that of other forms."""
    with opened_house(tmp_path / "small", XMIT_UPLOAD_LIMIT_MB="11") as house:
        browser = house.signed_in()
        fine = sent(browser, PEOPLE + b"x" * 10_500_000, "large.csv")
        assert fine.path != "/contacts/import"

        page = sent(browser, PEOPLE + b"x" * 12_000_000, "larger.csv")

        assert page.status == 400
        assert "over 11 MB" in page.fault("file")
        assert [record.name for record in Uploads(house.settings.home).latest()] == ["large.csv"]


@pytest.mark.parametrize("who", ["stranger", "reader", "foreign form"])
def test_only_members_put_files_on_disk(house: House, browser: Browser, who: str) -> None:
    """Session, scope and token are looked at before a byte of the file is kept."""
    before = len(Uploads(house.settings.home).latest())
    visitor = {
        "stranger": house.browser,
        "reader": lambda: house.signed_in("reader", KeyScope.READ),
        "foreign form": lambda: browser,
    }[who]()
    token = browser.get("/contacts/import").form("/contacts/import").fields["csrf"]
    csrf = "forged" if who == "foreign form" else token

    answer = visitor.client.post(
        "/contacts/import", data={"csrf": csrf}, files={"file": ("a.csv", PEOPLE)}, follow_redirects=False
    )

    assert answer.status_code == (303 if who == "stranger" else 403)
    assert len(Uploads(house.settings.home).latest()) == before
    kept = [
        path.name
        for path in (house.settings.home / "uploads").glob("*")
        if not (path / "import.json").exists()
    ]
    assert kept == []


def test_death_shows_as_interrupted_and_runs_again(house: House, browser: Browser) -> None:
    """A record that says running, with nobody who holds its lock: the process died; running it again is harmless."""
    page = sent(browser)
    uploads = Uploads(house.settings.home)
    record = uploads.get(page.path.rpartition("/")[2])
    record.state = ImportState.RUNNING
    uploads.keep(record)

    dead = browser.get(page.path)
    assert "was interrupted" in dead.text
    again = finished(browser, browser.send(dead, f"{page.path}/again"))

    assert "The file is in" in again.text
    assert set(everybody(house)) == {"ada@example.org", "grace@example.org"}


def test_running_import_is_not_begun_twice(house: House, browser: Browser) -> None:
    page = sent(browser)
    uploads = Uploads(house.settings.home)
    record = uploads.get(page.path.rpartition("/")[2])
    record.state = ImportState.RUNNING
    uploads.keep(record)

    with uploads.held(record.id):
        shown = browser.get(page.path)
        assert "data-refresh" in shown.html
        assert '<noscript><meta http-equiv="refresh"' in shown.html
        with pytest.raises(Conflict):
            start_import(house.store, house.clock, uploads, record)
        assert browser.post(f"{page.path}/forget", {"csrf": csrf(browser), "sure": "yes"}).status == 409


def csrf(browser: Browser) -> str:
    return browser.get("/contacts/import").form("/contacts/import").fields["csrf"]


def test_imported_file_is_not_kept(house: House, browser: Browser) -> None:
    page = finished(browser, named(browser, sent(browser)))
    uploads = Uploads(house.settings.home)
    record = uploads.get(page.path.rpartition("/")[2])

    assert not uploads.file_of(record).exists()

    gone = browser.agree(browser.send(page, f"{page.path}/forget"))
    assert gone.path == "/contacts/import"
    assert browser.get(page.path).status == 404


def test_hostile_names_are_shown_as_text(browser: Browser) -> None:
    page = sent(
        browser, b"email,<script>alert(1)</script>\nada@example.org,<script>x</script>\n", "<script>.csv"
    )

    assert "<script>alert" not in page.html
    assert "<script>x" not in page.html
    assert "&lt;script&gt;" in page.html


@pytest.mark.parametrize("upload_id", ["...", "0" * 32, "x" * 32, "%2e%2e%2fsecret"])
def test_only_known_uploads_are_read(browser: Browser, upload_id: str) -> None:
    assert browser.get(f"/contacts/import/{upload_id}").status == 404
    assert browser.get(f"/contacts/import/{upload_id}/refused.csv").status == 404


def test_two_files_arrive_side_by_side(house: House, browser: Browser) -> None:
    """A new upload sweeps up what died before, and nothing that is still arriving."""
    uploads = Uploads(house.settings.home)
    upload_id, path = uploads.begin("slow.csv")
    path.write_bytes(PEOPLE)
    with uploads.held(upload_id):
        os.utime(path.parent, (0, 0))
        sent(browser)
        assert path.exists()
    os.utime(path.parent, (0, 0))
    sent(browser)
    assert not path.exists()


def test_record_survives_its_own_file(house: House) -> None:
    uploads = Uploads(house.settings.home)
    upload_id, _ = uploads.begin("a.csv")
    record = ImportRecord(upload_id, "a.csv", 3, "marketing", house.clock.now(), ["email"], [["x"]])
    record.columns = [("email", "email")]

    uploads.keep(record)

    assert uploads.get(upload_id) == record


def test_torn_upload_leaves_nothing(house: House, browser: Browser) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + csrf(browser).encode()
    body += b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n'
    before = len(Uploads(house.settings.home).latest())

    answer: httpx.Response = browser.client.post(
        "/contacts/import", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )

    assert answer.status_code == 400
    assert "did not arrive whole" in answer.text
    assert len(Uploads(house.settings.home).latest()) == before


ROWS = 400_000


@contextmanager
def visitor_of(served: Served) -> Generator[httpx.Client]:
    """Somebody signed in at a process of its own."""
    with httpx.Client(base_url=served.url, follow_redirects=True, timeout=60) as client:
        assert client.post("/sign-in", data={"key": served.key, "next": "/contacts"}).status_code == 200
        yield client


def pieces(token: str, meanwhile: Callable[[], None]) -> Iterator[bytes]:
    """A multipart body of many rows that arrives slowly: something else happens in its middle."""
    head = '--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + token
    yield f'{head}\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="many.csv"\r\n\r\n'.encode()
    yield b"email\n"
    meanwhile()
    for start in range(0, ROWS, 20_000):
        yield b"".join(b"p%d@example.org\n" % number for number in range(start, start + 20_000))
    yield b"\r\n--x--\r\n"


def field_of(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found
    return found[1]


def test_import_outlives_the_death_of_its_process(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """A slow upload stops nobody; a kill in the middle is told as such; run again, everybody is in once."""
    home, shown = tmp_path / "served", list[int]()
    with served_api(home, sandbox.url) as served, visitor_of(served) as client:
        token = field_of(client.get("/contacts/import").text, "csrf")
        answer = client.post(
            "/contacts/import",
            content=pieces(token, lambda: shown.append(httpx.get(f"{served.url}/readyz").status_code)),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        assert shown == [200]
        path = answer.url.path
        client.post(path, data={"csrf": token, "use-0": "email", "newList": "Many"})
        deadline = time.monotonic() + 120
        while not re.search(r"[1-9][0-9,]* of 400,000 contacts are in", answer.text):
            assert time.monotonic() < deadline, answer.text
            answer = client.get(path)

    with served_api(home, sandbox.url) as served, visitor_of(served) as client:
        answer = client.get(path)
        assert "was interrupted" in answer.text
        answer = client.post(f"{path}/again", data={"csrf": field_of(answer.text, "csrf")})
        deadline = time.monotonic() + 120
        while "The file is in" not in answer.text:
            assert time.monotonic() < deadline, answer.text
            answer = client.get(path)
        assert f"{ROWS:,} contacts." in client.get(re.search(r'href="(/lists/[^"]+)"', answer.text)[1]).text  # type: ignore[index]
        assert f"All {ROWS:,}" in client.get("/contacts").text
