"""`/u/{token}`: what the link in every mail does and does not do (SPEC 7, Unsubscribe)."""

import re

import pytest

from tests.integration.unsubscribe.conftest import ONE_CLICK, Mailbox

GONE = ("unsubscribed", ["unsubscribed", "unsubscribed"], ["unsubscribe"])
STAYING = ("active", ["active", "active"], [])
ADA, BOB, EVE = (f"person{number}@example.net" for number in range(3))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_link_changes_nothing(mailbox: Mailbox, method: str):
    """PAINS E8: scanners follow every link, and some fetch it several times."""
    before = mailbox.everything()
    for _ in range(3):
        assert mailbox.client.request(method, f"/u/{mailbox.token(ADA)}").status_code == 200
    assert mailbox.everything() == before


def test_one_press_ends_this_person_alone(mailbox: Mailbox):
    """SPEC 7: suppresses the address, sets the contact, exits their enrollments; nobody else's (PAINS E4)."""
    assert mailbox.press(mailbox.token(ADA)).status_code == 200
    assert mailbox.standing(ADA) == GONE
    assert mailbox.standing(BOB) == mailbox.standing(EVE) == STAYING


def test_a_paused_enrollment_is_exited_too(mailbox: Mailbox):
    """SPEC 3: auto-exit from active and from paused."""
    mailbox.world.change("UPDATE sequence SET status = 'paused' WHERE name = 'Tips'")
    mailbox.world.change(
        "UPDATE enrollment SET status = 'paused' "
        "WHERE sequence_id = (SELECT id FROM sequence WHERE name = 'Tips')"
    )
    mailbox.press(mailbox.token(ADA))
    assert mailbox.standing(ADA) == GONE
    assert mailbox.standing(BOB) == ("active", ["active", "paused"], [])


def test_pressing_again_answers_200(mailbox: Mailbox):
    """PAINS E8: a repeat is 200, and adds nothing."""
    token = mailbox.token(ADA)
    first = mailbox.press(token)
    before = mailbox.everything()
    again = mailbox.press(token)
    assert (again.status_code, again.text) == (200, first.text)
    assert mailbox.everything() == before


@pytest.mark.parametrize(
    "request_of",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"List-Unsubscribe=One-Click", "headers": {"Content-Type": "text/plain"}},
        {},
    ],
    ids=["form", "multipart", "plain", "empty"],
)
def test_mail_programs_may_post_as_they_like(mailbox: Mailbox, request_of: dict):
    """RFC 8058: a form of either kind, no login, no cookie, no redirect."""
    answer = mailbox.client.post(f"/u/{mailbox.token(ADA)}", follow_redirects=False, **request_of)
    assert (answer.status_code, answer.cookies) == (200, {})
    assert mailbox.standing(ADA) == GONE


def test_the_mail_names_link_and_one_click(mailbox: Mailbox):
    """SPEC 5: both headers; the link in them is the one that works."""
    mail = mailbox.world.sandbox.mailbox.page(to=ADA).mails[0]
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<http://127\.0\.0\.1:8000/u/[0-9a-f]{96}>", mail.headers["List-Unsubscribe"])


def test_torn_and_forged_tokens_answer_alike(mailbox: Mailbox):
    """SPEC 7: the same status as a good one; the page says so, and names an address to write to."""
    good, other = mailbox.token(ADA), mailbox.token(BOB)
    before = mailbox.everything()
    before.pop("files")
    bad = [
        good[:-1],
        good + "0",
        good[:64] + other[64:],
        good[:32] + other[32:64] + good[64:],
        "x",
        "é/../x",
        "",
    ]
    answers = [mailbox.press(token) for token in bad]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert "hello@example.com" in answers[0].text
    assert "You are unsubscribed" not in answers[0].text
    after = mailbox.everything()
    after.pop("files")
    assert after == before


def test_a_bad_token_sees_the_same_page(mailbox: Mailbox):
    """SPEC 7: forged tokens learn nothing, not even that they are."""
    good = mailbox.client.get(f"/u/{mailbox.token(ADA)}")
    bad = mailbox.client.get("/u/0123456789")
    for answer in (good, bad):
        answer.headers.pop("x-request-id", None)
    assert (bad.status_code, bad.text, bad.headers) == (good.status_code, good.text, good.headers)


def test_the_page_needs_no_script_and_loads_nothing(mailbox: Mailbox):
    page = mailbox.client.get(f"/u/{mailbox.token(ADA)}")
    assert page.text.count("<button") == page.text.count('<form method="post">') == 1
    assert not re.search(r"<script|<img|<link|src=|https?://", page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "noindex" in page.headers["x-robots-tag"]
    assert page.headers["cache-control"] == "no-store"


def test_the_style_is_what_the_policy_allows(mailbox: Mailbox):
    from base64 import b64encode
    from hashlib import sha256

    page = mailbox.client.get("/u/x")
    style = re.search(r"<style>(.*)</style>", page.text, re.DOTALL)
    assert style
    allowed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{allowed}'" in page.headers["content-security-policy"]
    assert "prefers-color-scheme: dark" in style[1]


def test_pages_name_the_sender_and_nobody_else(mailbox: Mailbox):
    """No personal data: who holds a forwarded mail's link does not learn whose it was."""
    mailbox.world.change("UPDATE sender SET name = 'Nora <b>& Sons</b>'")
    token = mailbox.token(ADA)
    asked, answered = mailbox.client.get(f"/u/{token}").text, mailbox.press(token).text
    for page in (asked, answered):
        assert "You will get no more mail from Nora &lt;b&gt;&amp; Sons&lt;/b&gt;." in page
        assert "person0" not in page
        assert "Name 0" not in page


def test_other_methods_are_refused(mailbox: Mailbox):
    token = mailbox.token(ADA)
    for method in ("PUT", "DELETE", "PATCH"):
        assert mailbox.client.request(method, f"/u/{token}").status_code == 405
    assert mailbox.standing(ADA) == STAYING


def test_a_workspace_without_sender_still_answers(mailbox: Mailbox):
    token = mailbox.token(ADA)
    mailbox.world.change("UPDATE sender SET deleted_at = '2026-03-03'")
    assert "no more mail from this sender" in mailbox.client.get(f"/u/{token}").text
    assert mailbox.press(token).status_code == 200
    assert mailbox.standing(ADA) == GONE
