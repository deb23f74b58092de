"""`/_sandbox`: the mail as finally rendered, and the counts that prove nobody got anything twice."""

import threading
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3 import BaseHTTPResponse

from xmit_pipeline.sandbox.server import RunningSandbox

Send = Callable[..., BaseHTTPResponse]


def test_messages_are_shown_finally_rendered(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    """SPEC 10: every field of a message, tags resolved, personalization laid over the message's own."""
    body["headers"]["List-Unsubscribe"] = "<https://example.com/everyone>"
    body["custom_args"]["xmit_request"] = "req_everyone"

    message_id = send(body, X_Sandbox_Now="2026-03-01T09:00:00Z").headers["X-Message-Id"]

    shown = http.request("GET", f"{sandbox.url}/_sandbox/messages?to=ADA@example.com").json()

    assert shown == {
        "messages": [
            {
                "to": "ada@example.com",
                "toName": "Ada",
                "from": "hello@example.com",
                "fromName": "Nora; from Northwind, Inc.",
                "subject": "Hello Ada",
                "html": "<p>Dear <b>Ada</b></p>",
                "text": "Dear Ada",
                "headers": {"X-Campaign": "welcome", "List-Unsubscribe": "<https://example.com/u/1>"},
                "customArgs": {"tenant": "northwind", "xmit_message": "msg_1", "xmit_request": "req_1"},
                "categories": ["onboarding"],
                "acceptedAt": "2026-03-01T09:00:00.000Z",
                "messageId": message_id,
                "request": 1,
            }
        ],
        "totalCount": 1,
        "limit": 50,
        "offset": 0,
    }


def test_messages_come_newest_first_in_pages(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    for number in range(5):
        body["personalizations"] = [{"to": [{"email": f"p{number}@example.com"}], "subject": str(number)}]
        send(body)

    def subjects(query: str) -> list[str]:
        shown = http.request("GET", f"{sandbox.url}/_sandbox/messages?{query}").json()
        assert shown["totalCount"] == 5
        return [message["subject"] for message in shown["messages"]]

    assert subjects("") == ["4", "3", "2", "1", "0"]
    assert subjects("to=&limit=2") == ["4", "3"]
    assert subjects("limit=2&offset=4") == ["0"]
    assert subjects("limit=2&offset=9") == []
    assert subjects("limit=0") == []


def test_each_recipient_of_a_personalization_gets_mail(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """To, cc and bcc are one mail each; the message id is counted once."""
    body["personalizations"] = [
        {
            "to": [{"email": "a@example.com"}],
            "cc": [{"email": "b@example.com"}],
            "bcc": [{"email": "c@example.com"}],
            "custom_args": {"xmit_message": "msg_1"},
        }
    ]

    send(body)

    assert [mail.to for mail in sandbox.mailbox.page().mails] == [
        "c@example.com",
        "b@example.com",
        "a@example.com",
    ]
    assert sandbox.mailbox.acceptances == {"msg_1": 1}


def test_a_doubled_message_is_counted(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    """The oracle for "nobody twice": the same id accepted again shows."""
    send(body, X_Sandbox_Now="2026-03-01T09:00:00Z")
    del body["personalizations"][1]
    send(body, X_Sandbox_Now="2026-03-02T09:00:00Z")
    del body["content"]
    send(body)

    assert http.request("GET", f"{sandbox.url}/_sandbox/stats").json() == {
        "requests": 3,
        "refused": 1,
        "messages": 3,
        "distinctMessages": 2,
        "doubled": 1,
        "byDay": {"2026-03-01": 2, "2026-03-02": 1},
    }
    assert sandbox.mailbox.acceptances == {"msg_1": 2, "msg_2": 1}


def test_clearing_forgets_mail_and_counts(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox, http: urllib3.PoolManager
) -> None:
    send(body)

    assert http.request("DELETE", f"{sandbox.url}/_sandbox/messages").status == 200

    assert sandbox.mailbox.page().total == 0
    assert sandbox.mailbox.acceptances == {}
    send(body)
    assert sandbox.mailbox.stats()["messages"] == 2


def test_eight_posting_threads_are_counted_exactly(
    body: dict[str, Any], send: Send, sandbox: RunningSandbox
) -> None:
    """Many workers post at once; not one mail is lost or counted twice."""

    def post(worker: int) -> None:
        for round_number in range(10):
            own = body | {
                "personalizations": [
                    {
                        "to": [{"email": f"w{worker}.{round_number}.{person}@example.com"}],
                        "custom_args": {"xmit_message": f"msg_{worker}_{round_number}_{person}"},
                    }
                    for person in range(50)
                ]
            }
            statuses.append(send(own).status)

    statuses: list[int] = []
    workers = [threading.Thread(target=post, args=(worker,)) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert statuses == [202] * 80
    stats = sandbox.mailbox.stats()
    assert (stats["requests"], stats["messages"], stats["distinctMessages"]) == (80, 4000, 4000)
    assert stats["doubled"] == 0
    mails = sandbox.mailbox.page(limit=4000).mails
    assert len({mail.to for mail in mails}) == 4000
    assert all(
        mail.custom_args["xmit_message"] == f"msg_{'_'.join(mail.to[1:].split('@')[0].split('.'))}"
        for mail in mails
    )
