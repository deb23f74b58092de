"""The page to read the mail: shows it, finds it, and lets nothing in it act."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import urllib3
from urllib3 import BaseHTTPResponse

from xmit_pipeline.sandbox.server import RunningSandbox

Send = Callable[..., BaseHTTPResponse]
Look = Callable[[str], str]

EVIL = "\"'><script>alert(1)</script>"


@pytest.fixture
def look(sandbox: RunningSandbox, http: urllib3.PoolManager) -> Look:
    def get(path: str) -> str:
        answer = http.request("GET", sandbox.url + path)
        assert answer.status == 200, answer.data
        return answer.data.decode()

    return get


def test_an_empty_inbox_says_what_to_do(look: Look) -> None:
    page = look("/")

    assert "No messages yet" in page
    assert "xmit tick" in page


def test_the_inbox_lists_and_finds_mail(body: dict[str, Any], send: Send, look: Look) -> None:
    send(body)

    everything, found, nothing = look("/"), look("/?q=GRACE@"), look("/?q=nobody")

    assert "Hello Ada" in everything
    assert "Grace, hello" in everything
    assert "Hello Ada" not in found
    assert "Grace, hello" in found
    assert "No messages to “nobody”" in nothing


def test_the_inbox_pages_through_mail(body: dict[str, Any], send: Send, look: Look) -> None:
    body["personalizations"] = [
        {"to": [{"email": f"p{n}@example.com"}], "subject": f"Number {n}."} for n in range(60)
    ]
    send(body)

    pages = [re.findall(r"Number (\d+)\.", look(f"/?offset={offset}")) for offset in (0, 25, 50, 75)]

    shown = [int(number) for page in pages[:3] for number in page]
    assert shown == list(range(59, -1, -1))
    assert pages[3] == pages[0]


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("", "Dear &lt;b&gt;Ada&lt;/b&gt;"),
        ("?tab=text", '<pre class="body">Dear Ada</pre>'),
        ("?tab=details", "https://example.com/u/1"),
    ],
)
def test_a_mail_has_three_views(
    tab: str, expected: str, body: dict[str, Any], send: Send, look: Look
) -> None:
    send(body)

    assert expected in look(f"/messages/0{tab}")


def test_a_mail_without_html_opens_as_text(body: dict[str, Any], send: Send, look: Look) -> None:
    body["content"].pop()
    send(body)

    page = look("/messages/0")

    assert "Dear Ada" in page
    assert "<iframe" not in page


def test_nothing_in_a_mail_can_act(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager, look: Look
) -> None:
    """All is escaped, the HTML stands in a frame that may run nothing, and the policy forbids scripts."""
    body["subject"] = f"Subject {EVIL}"
    body["from"]["name"] = f"From {EVIL}"
    body["content"][0]["value"] = f"Text {EVIL}"
    body["content"][1]["value"] = f'<a href="javascript:alert(1)">x</a>{EVIL}</iframe>'
    del body["personalizations"][1]
    body["personalizations"][0]["custom_args"]["evil"] = EVIL
    send(body)

    for path in ("/", "/messages/0", "/messages/0?tab=text", "/messages/0?tab=details", f"/?q={EVIL}"):
        page = look(path)
        assert "<script" not in page
        assert 'href="javascript:' not in page
    frame = re.search(r'<iframe[^>]*sandbox="([^"]*)"[^>]*srcdoc="([^"]*)"></iframe>', look("/messages/0"))
    assert frame is not None
    assert "allow-scripts" not in frame[1]
    assert "allow-same-origin" not in frame[1]
    assert unescape(frame[2]).endswith(f"{EVIL}</iframe>")
    policy = http.request("GET", f"{sandbox.url}/messages/0").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_the_page_loads_nothing_from_elsewhere(body: dict[str, Any], send: Send, look: Look) -> None:
    """No CDN, no fonts, no pictures from other hosts."""
    send(body)

    for page in (look("/"), look("/messages/0"), look("/style.css")):
        assert not re.search(r'(?:src|href|url)\s*[=(]\s*["\']?(?:https?:)?//', page)


def test_links_of_a_mail_can_be_followed(body: dict[str, Any], send: Send, look: Look) -> None:
    """The unsubscribe link is the one to try in a demo."""
    body["content"][1]["value"] = (
        '<p><a href="https://example.com/u/-x1-?a=1&amp;b=2">Leave <b>now</b></a></p>'
    )
    send(body)

    page = look("/messages/0?tab=details")

    assert '<b>Leave now</b> <a href="https://example.com/u/Ada?a=1&amp;b=2" target="_blank"' in page


def test_the_button_empties_the_inbox(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    send(body)

    answer = http.request("POST", f"{sandbox.url}/clear", redirect=False)

    assert (answer.status, answer.headers["Location"]) == (303, "/")
    gone = http.request("GET", f"{sandbox.url}/messages/0")
    assert gone.status == 404
    assert b"This message is gone" in gone.data
