"""The mailbox and its records, without a server."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.sandbox.mailbox import Mailbox

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def accept(mailbox: Mailbox, *addresses: str) -> None:
    body = {
        "personalizations": [{"to": [{"email": address}]} for address in addresses],
        "from": {"email": "hello@example.com"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
    }
    mailbox.accept(orjson.dumps(body), body, AT)


@given(
    requests=st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4), max_size=8),
    limit=st.integers(0, 12),
    offset=st.integers(0, 40),
    wanted=st.sampled_from([None, "a@example.com", "z@example.com"]),
)
def test_a_page_is_a_slice_of_all(
    requests: list[list[str]], limit: int, offset: int, wanted: str | None
) -> None:
    """Newest first, over the borders of requests, with or without an address."""
    mailbox = Mailbox()
    for names in requests:
        accept(mailbox, *(f"{name}@example.com" for name in names))
    everybody = [f"{name}@example.com" for names in requests for name in names][::-1]
    matching = [address for address in everybody if wanted in (None, address)]

    page = mailbox.page(to=wanted, limit=limit, offset=offset)

    assert [mail.to for mail in page.mails] == matching[offset : offset + limit]
    assert page.total == len(matching)


def test_search_takes_a_piece_of_an_address() -> None:
    mailbox = Mailbox()
    accept(mailbox, "Ada@example.com", "grace@example.com", "ada@other.example")

    assert [mail.to for mail in mailbox.search("ADA").mails] == ["ada@other.example", "Ada@example.com"]
    assert mailbox.search("nobody").total == 0


@pytest.mark.parametrize("number", [-1, 1, 99])
def test_a_mail_that_is_not_there_is_none(number: int) -> None:
    mailbox = Mailbox()
    accept(mailbox, "ada@example.com")

    assert mailbox.mail(0) is not None
    assert mailbox.mail(number) is None


def test_a_cleared_folder_starts_again(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    accept(mailbox, "ada@example.com")
    mailbox.clear()
    accept(mailbox, "grace@example.com")
    mailbox.close()

    again = Mailbox(tmp_path)

    assert [mail.to for mail in again.page().mails] == ["grace@example.com"]
    again.close()


@pytest.mark.parametrize(
    "junk",
    [
        b"not json\n",
        b"\n",
        b"[]\n",
        b'{"id":"x"}\n',
        b'{"id":"x","at":5,"body":{}}\n',
        b'{"id":"x","at":"2026-03-01T09:00:00+00:00","body":{}}\n',
        b'{"id":"x","at":"2026-03-01T09:00:00+00:00","body":{"personalizations":[{"to":[{}]}]}}\n',
    ],
)
def test_a_line_that_is_no_record_is_passed_over(junk: bytes, tmp_path: Path) -> None:
    """Whatever happened to one line, the mails around it keep their places."""
    mailbox = Mailbox(tmp_path)
    accept(mailbox, "ada@example.com")
    mailbox.close()
    kept = (tmp_path / "mail.jsonl").read_bytes()
    (tmp_path / "mail.jsonl").write_bytes(kept + junk + kept.replace(b"ada", b"bob"))

    again = Mailbox(tmp_path)

    assert [mail.to for mail in again.page().mails] == ["bob@example.com", "ada@example.com"]
    assert again.stats()["requests"] == 2
    again.close()


@given(cut=st.integers(1, 400))
def test_any_tear_loses_the_torn_line_alone(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The file cut anywhere: whole lines stay, the rest is gone, and a new mail is readable."""
    folder = tmp_path_factory.mktemp("mail")
    mailbox = Mailbox(folder)
    accept(mailbox, "ada@example.com")
    accept(mailbox, "grace@example.com")
    mailbox.close()
    whole = (folder / "mail.jsonl").read_bytes()[:cut]
    (folder / "mail.jsonl").write_bytes(whole)

    again = Mailbox(folder)
    accept(again, "new@example.com")

    left = ["ada@example.com", "grace@example.com"][: whole.count(b"\n")]
    assert [mail.to for mail in again.page().mails] == ["new@example.com", *left[::-1]]
    again.close()
