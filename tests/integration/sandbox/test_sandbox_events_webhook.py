"""How the sandbox posts events: signed, in batches, several at once, until they are taken; badly, when asked to."""

import threading
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.integration.sandbox.events_town import ALL_OVER, START, Town
from tests.integration.sandbox.webhook_end import as_set
from xmit_pipeline.sandbox.people import PeopleOrder

BUSY = {"open": 0.8, "click": 0.5, "hard_bounce": 0.05, "unsubscribe": 0.0, "machine_open": 0.3}


def test_batches_verify_with_the_vendors_helper(town: Town):
    """SendGrid, Signed Event Webhook: timestamp and raw body, CR LF at the end; a changed byte is seen."""
    key = town.webhook()["public_key"]
    town.people(**BUSY)
    town.send(50)
    answer = town.emit()

    [post] = town.end.posts
    assert answer["batches"] == {"given": 1, "posts": 1, "lost": 0}
    assert post.verified(key)
    assert post.body.startswith(b"[{")
    assert post.body.endswith(b"}]\r\n")
    assert post.headers["Content-Type"].startswith("application/json")
    assert town.end.events() == town.past()
    for wrong in (post.body.rstrip(), post.body.replace(b"delivered", b"dropped__", 1)):
        forged = type(post)(post.path, post.headers, wrong, post.answered)
        assert not forged.verified(key)
    assert town.call("GET", "/_sandbox/webhook")["public_key"] == key


def test_batches_keep_to_their_size(town: Town):
    """768 KB at SendGrid; here as ordered, and one event at least."""
    town.webhook(batch_bytes=4000)
    town.people(**BUSY)
    town.send(100)
    town.emit()

    assert len(town.end.posts) > 20
    assert max(len(post.body) for post in town.end.posts) <= 4000
    assert as_set(town.end.events()) == as_set(town.past())
    assert len(town.end.events()) == len(town.past())

    town.webhook(batch_bytes=1)
    town.end.posts.clear()
    town.send(1, subject="One")
    assert town.emit()["batches"]["given"] == len(town.past(message="msg_One_p0"))


def test_batches_are_posted_side_by_side(town: Town):
    """SendGrid posts from many servers: four posts are under way at the same time."""
    town.webhook(batch_bytes=1, parallel=4)
    town.people(**dict.fromkeys(("deferred", "hard_bounce", "soft_bounce", "open", "machine_open"), 0.0))
    town.end.together = threading.Barrier(4)
    town.send(2)

    assert town.emit()["batches"] == {"given": 4, "posts": 4, "lost": 0}


@pytest.mark.parametrize("status", [500, 503, 403, 404, 302, 0])
def test_a_batch_is_posted_until_taken(town: Town, status: int):
    """Whatever is not 2xx, and no answer at all; redirects are not followed. The body stays the same."""
    town.webhook()
    town.people(**BUSY)
    town.send(20)
    town.end.answers = [status, status]

    assert town.emit()["batches"] == {"given": 1, "posts": 3, "lost": 0}
    assert len({post.body for post in town.end.posts}) == 1
    assert {post.path for post in town.end.posts} == {"/events"}
    assert town.end.events() == town.past()


def test_a_webhook_that_stays_down_loses_events(town: Town):
    """After a day at SendGrid; here after what was ordered. What happened is known all the same."""
    town.webhook(retry_seconds=0.3)
    town.people(**BUSY)
    town.send(20)
    town.end.answers = [500] * 50

    batches = town.emit()["batches"]

    assert (batches["given"], batches["lost"]) == (1, 1)
    assert batches["posts"] > 1
    assert town.end.events() == []
    assert len(town.past()) > 40


def test_nobody_listening_is_a_lost_batch(town: Town):
    town.call("POST", "/_sandbox/webhook", {"url": "http://127.0.0.1:9/", "retry_seconds": 0})
    town.people(**BUSY)
    town.send(5)
    assert town.emit()["batches"] == {"given": 1, "posts": 1, "lost": 1}


def test_duplicates_repeat_events_to_the_letter(town: Town):
    """SPEC 7: repeated events; the set of them stays the same."""
    town.webhook(duplicate=0.5, batch_bytes=4000)
    town.people(**BUSY)
    town.send(100)
    town.emit()

    arrived, truth = town.end.events(), town.past()
    assert as_set(arrived) == as_set(truth)
    assert 1.3 * len(truth) < len(arrived) < 1.7 * len(truth)


def test_duplicates_may_bear_other_ids(town: Town):
    """SPEC 7, duplicates: where ids differ, message, kind, timestamp, url and attempt are the same."""
    town.webhook(duplicate=1.0, fresh_ids=True)
    town.people(**BUSY)
    town.send(50)
    town.emit()

    def without_id(events: list[dict[str, Any]]) -> set[bytes]:
        return as_set([event | {"sg_event_id": ""} for event in events])

    arrived, truth = town.end.events(), town.past()
    assert len({event["sg_event_id"] for event in arrived}) == len(arrived) == 2 * len(truth)
    assert without_id(arrived) == without_id(truth)


def test_shuffled_events_are_the_same_set(town: Town):
    town.webhook(shuffle=True)
    town.people(**BUSY)
    town.send(100)
    town.emit()

    arrived, truth = town.end.events(), town.past()
    assert arrived != truth
    assert sorted(arrived, key=orjson.dumps) == sorted(truth, key=orjson.dumps)


def test_late_events_arrive_after_their_time(town: Town):
    """Some are held back for a day; in the end all are there, once each."""
    town.webhook(late=0.3, late_seconds=86_400)
    town.people(**BUSY)
    town.send(200)
    first_hour = START + timedelta(hours=1)
    town.emit(first_hour)
    missing = as_set(town.past()) - as_set(town.end.events())
    assert 0.2 < len(missing) / len(town.past()) < 0.4

    town.emit(ALL_OVER + timedelta(days=1))

    assert len(town.end.events()) == len(town.past())
    assert as_set(town.end.events()) == as_set(town.past())


def test_all_faults_at_once_keep_the_set(town: Town):
    """Repeated, mixed, late, in small posts that are refused now and then: the truth arrives."""
    town.webhook(duplicate=0.3, shuffle=True, late=0.3, late_seconds=7200, batch_bytes=3000, parallel=8)
    town.people(**BUSY)
    town.end.answers = [200, 500, 200, 0, 503, 200] * 5
    town.send(100)
    for hours in (1, 2, 5, 30, 60):
        town.emit(START + timedelta(hours=hours))

    assert as_set(town.end.events()) == as_set(town.past())


def test_two_emissions_at_once_share_the_events(town: Town):
    """Every event is posted by one of them."""
    town.webhook(batch_bytes=2000)
    town.people(**BUSY)
    town.send(300)
    callers = [threading.Thread(target=town.emit) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    arrived = town.end.events()
    assert len(arrived) == len(town.past())
    assert as_set(arrived) == as_set(town.past())


@pytest.mark.parametrize(
    "url", ["https://api.example.com/hook", "ftp://127.0.0.1/", "127.0.0.1:80", "http://10.0.0.1/"]
)
def test_a_webhook_elsewhere_is_refused(town: Town, url: str):
    """Nothing leaves this machine: the sandbox's people are made up, and so are their events."""
    answer = town.http.request("POST", f"{town.sandbox.url}/_sandbox/webhook", json={"url": url})
    assert answer.status == 400
    assert "this machine" in answer.json()["message"]
    assert town.call("GET", "/_sandbox/webhook")["url"] is None


def test_a_link_elsewhere_is_not_posted_to(town: Town):
    """The same for people's own links: the wish comes as an event instead."""
    town.sandbox.events.people = PeopleOrder(
        unsubscribe=1.0,
        open=0.0,
        hard_bounce=0.0,
        soft_bounce=0.0,
        deferred=0.0,
        machine_open=0.0,
        scanner=0.0,
    )
    away = {
        "List-Unsubscribe": "<https://mail.example.org/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    town.send(1, personalizations=[{"to": [{"email": "p0@example.net"}], "headers": away}])

    assert town.emit()["oneClicks"]["given"] == 0
    assert town.totals() == {"delivered": 1, "processed": 1, "unsubscribe": 1}
