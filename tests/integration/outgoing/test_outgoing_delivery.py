"""Outgoing webhooks reach a real receiver: signed, retried, bounded, and nothing is told twice (SPEC 8)."""

import hashlib
import hmac
import threading
import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.campaigns import START
from tests.integration.outgoing.conftest import Hooks
from tests.integration.outgoing.receiver import Post, Receiver, running_receiver, well
from xmit_pipeline.delivery import outgoing_post
from xmit_pipeline.model.webhooks import TRIES, WebhookType

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def refusing(_: Post) -> tuple[int, dict[str, str], bytes]:
    return 500, {}, b"out\x00 of order"


def test_sent_and_completed_are_told_with_public_ids(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url)
    hooks.send(1)
    report = hooks.pass_at(START)
    assert (report.queued, report.delivered, report.waiting) == (2, 2, 0)
    [sent] = receiver.told("email.sent")
    assert sent["id"].startswith("whd_")
    assert sent["createdAt"] == "2026-03-02T09:30:00Z"
    data = sent["data"]
    prefixes = {name: data[name][:4] for name in data if name.endswith("Id")}
    assert prefixes == {
        "messageId": "msg_",
        "enrollmentId": "enr_",
        "sequenceId": "seq_",
        "stepId": "stp_",
        "contactId": "con_",
    }
    assert data["recipient"] == "person0@example.net"
    assert data["messageId"] in hooks.world.delivered()
    [completed] = receiver.told("enrollment.completed")
    assert completed["data"]["enrollmentId"] == data["enrollmentId"]


def test_the_signature_is_of_the_body_as_posted(hooks: Hooks, receiver: Receiver):
    endpoint = hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    hooks.pass_at(START)
    [post] = receiver.posts
    digest = hmac.new(hooks.secrets[endpoint].encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["X-Xmit-Signature"] == f"sha256={digest}"
    assert post.headers["X-Xmit-Id"] == post.json["id"]
    assert abs(int(post.headers["X-Xmit-Timestamp"]) - time.time()) < 60
    assert post.headers["Content-Type"] == "application/json"


def test_a_second_pass_tells_nothing_again(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url)
    hooks.send(3)
    assert hooks.pass_at(START).queued == 6
    assert hooks.pass_at(START).queued == 0
    assert hooks.pass_at(START + DAY).queued == 0
    assert len(receiver.posts) == 6


def test_without_an_enabled_endpoint_nothing_is_queued(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, enabled=False)
    hooks.send(3)
    assert hooks.pass_at(START).queued == 0
    assert (hooks.states(), receiver.posts) == ({}, [])


def test_each_endpoint_hears_only_what_it_wants(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url + "/sent", WebhookType.SENT)
    hooks.add(receiver.url + "/ended", WebhookType.COMPLETED, WebhookType.EXITED)
    hooks.send(2)
    hooks.pass_at(START)
    heard = sorted((post.path, post.json["type"]) for post in receiver.posts)
    assert heard == [("/hooks/ended", "enrollment.completed")] * 2 + [("/hooks/sent", "email.sent")] * 2


def test_an_exit_is_told_with_its_reason(hooks: Hooks, receiver: Receiver):
    from xmit_pipeline.store.enrollments import exit_one

    hooks.add(receiver.url, WebhookType.EXITED)
    hooks.world.domain()
    sequence_id = hooks.world.sequence((5,))
    hooks.world.enroll(sequence_id, hooks.world.people(1))
    [row] = hooks.world.rows("SELECT id FROM enrollment")
    with hooks.world.store.transaction() as connection:
        exit_one(connection, sequence_id, row["id"], START + MINUTE)
    hooks.pass_at(START + MINUTE)
    [told] = receiver.told()
    assert (told["type"], told["data"]["exitReason"]) == ("enrollment.exited", "manual")


def test_a_failure_is_tried_again_with_the_same_bytes(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    receiver.answer = refusing
    assert hooks.pass_at(START).put_off == 1
    [row] = hooks.world.rows("SELECT * FROM webhook_delivery")
    assert (row["state"], row["attempts"], row["status_code"], row["words"]) == (
        "waiting",
        1,
        500,
        "out of order",
    )
    assert timedelta(seconds=47) < row["next_attempt_at"] - START < timedelta(seconds=73)
    assert hooks.pass_at(START + timedelta(seconds=40)).put_off == 0
    receiver.answer = lambda _: (200, {}, b"ok")
    assert hooks.pass_at(START + 2 * MINUTE).delivered == 1
    first, second = receiver.posts
    assert first.body == second.body
    assert first.headers["X-Xmit-Id"] == second.headers["X-Xmit-Id"]


def test_after_eight_tries_in_a_day_it_has_failed(hooks: Hooks, receiver: Receiver):
    """Bounded: 8 attempts over about 24 hours, then `failed`, visible."""
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    receiver.answer = refusing
    now, tried_at = START, []
    for _ in range(TRIES):
        report = hooks.pass_at(now)
        tried_at.append(now)
        [row] = hooks.world.rows("SELECT next_attempt_at FROM webhook_delivery")
        now = row["next_attempt_at"] or now
    assert (report.failed, report.waiting, hooks.states()) == (1, 0, {"failed": 1})
    assert len(receiver.posts) == TRIES
    assert 18 < (tried_at[-1] - START) / timedelta(hours=1) < 30
    gaps = [later - earlier for earlier, later in pairwise(tried_at)]
    assert gaps == sorted(gaps)
    assert hooks.pass_at(now + DAY).put_off == 0


def test_an_endpoint_that_fails_for_days_is_disabled(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    receiver.answer = refusing
    for hour in range(0, 84, 12):
        hooks.send(1, START + timedelta(hours=hour), prefix=f"at{hour}")
        hooks.pass_at(START + timedelta(hours=hour))
    [endpoint] = hooks.world.rows("SELECT enabled, disabled_reason FROM webhook_endpoint")
    assert not endpoint["enabled"]
    assert "only failed since 2026-03-02 09:30 UTC" in endpoint["disabled_reason"]
    assert [row["what"] for row in hooks.world.rows("SELECT what FROM audit")] == ["webhook.disable"]
    before = len(receiver.posts)
    hooks.pass_at(START + timedelta(hours=90))
    assert len(receiver.posts) == before


def test_one_success_forgives_an_endpoint(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(6)
    for hour in range(0, 200, 4):
        receiver.answer = refusing if hour % 40 else lambda _: (200, {}, b"")
        if hour % 40 == 0:
            hooks.send(1, START + timedelta(hours=hour), prefix=f"at{hour}")
        hooks.pass_at(START + timedelta(hours=hour))
    assert hooks.world.rows("SELECT enabled FROM webhook_endpoint") == [{"enabled": True}]


def test_a_dead_endpoint_rests_after_three_failures(hooks: Hooks, receiver: Receiver):
    """A backlog for a dead receiver costs a handful of posts a tick, and none of its mail's attempts."""
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(100)
    receiver.answer = refusing
    report = hooks.pass_at(START)
    assert 3 <= report.put_off <= 11
    assert report.waiting == 100


def test_a_redirect_is_not_followed(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    receiver.answer = lambda _: (307, {"Location": receiver.url + "/elsewhere"}, b"")
    assert hooks.pass_at(START).put_off == 1
    assert [post.path for post in receiver.posts] == ["/hooks"]


def test_a_refused_connection_is_told_in_words(hooks: Hooks):
    with running_receiver() as gone:
        url = gone.url
    hooks.add(url, WebhookType.SENT)
    hooks.send(1)
    assert hooks.pass_at(START).put_off == 1
    [row] = hooks.world.rows("SELECT status_code, words FROM webhook_delivery")
    assert row["status_code"] is None
    assert "refused" in row["words"]


def test_a_receiver_that_drips_is_cut_off(hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    """A time-out of the socket's own begins anew with every byte; the whole post has one too."""
    monkeypatch.setattr(outgoing_post, "WHOLE_SECONDS", 0.6)
    leaving = threading.Event()

    def hang(_: Post) -> tuple[int, dict[str, str], bytes]:
        leaving.wait(30)
        return 200, {}, b""

    receiver.answer = hang
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    began = time.monotonic()
    assert hooks.pass_at(START).put_off == 1
    leaving.set()
    assert time.monotonic() - began < 10
    [row] = hooks.world.rows("SELECT words FROM webhook_delivery")
    assert "no answer within" in row["words"]


def test_a_slow_receiver_never_stops_the_others(hooks: Hooks, receiver: Receiver):
    """Side by side, and the store is free meanwhile."""
    with running_receiver() as slow:
        released = threading.Event()

        def wait(_: Post) -> tuple[int, dict[str, str], bytes]:
            released.wait(30)
            return 200, {}, b""

        slow.answer = wait
        hooks.add(slow.url, WebhookType.SENT)
        hooks.add(receiver.url, WebhookType.SENT)
        hooks.send(60)
        passing = threading.Thread(target=lambda: hooks.pass_at(START, seconds=5))
        passing.start()
        deadline = time.monotonic() + 30
        while len(receiver.posts) < 60 or slow.at_once < 8:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert hooks.world.rows("SELECT count(*) AS n FROM webhook_delivery")[0]["n"] == 120
        released.set()
        passing.join(40)
    assert slow.most_at_once == 8


def test_what_the_budget_leaves_goes_with_the_next_pass(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(50)
    assert hooks.pass_at(START, posts=20).waiting == 30
    assert hooks.pass_at(START, seconds=-1).delivered == 0
    assert hooks.pass_at(START + MINUTE).delivered == 30
    told = [body["data"]["messageId"] for body in receiver.told()]
    assert sorted(told) == sorted(hooks.world.delivered())


def test_the_longest_waiting_go_first(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(3, prefix="early")
    hooks.send(3, START + MINUTE, prefix="late")
    hooks.pass_at(START + MINUTE, posts=3)
    assert {body["data"]["recipient"][:5] for body in receiver.told()} == {"early"}


def test_a_second_pass_at_once_says_so(hooks: Hooks, receiver: Receiver):
    from filelock import FileLock

    hooks.add(receiver.url)
    with FileLock(hooks.world.settings.home / "webhooks.lock"):
        assert "Another tick" in (hooks.pass_at(START).note or "")


def test_what_is_over_is_forgotten_after_a_week(hooks: Hooks, receiver: Receiver):
    """And told no second time, though the facts are still there."""
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(2)
    hooks.pass_at(START)
    hooks.pass_at(START + 9 * DAY)
    assert hooks.states() == {}
    hooks.pass_at(START + 9 * DAY + MINUTE)
    assert len(receiver.posts) == 2


def test_the_schedule_sees_what_there_is_to_tell(hooks: Hooks, receiver: Receiver):
    """An exit by call starts no tick by itself: the look must see it."""
    from xmit_pipeline.store.enrollments import exit_one
    from xmit_pipeline.store.webhook_queue import any_untold

    def seen(now: datetime) -> bool:
        with hooks.world.store.snapshot() as connection:
            return any_untold(connection, now)

    hooks.world.domain()
    sequence_id = hooks.world.sequence((5,))
    hooks.world.enroll(sequence_id, hooks.world.people(1))
    hooks.add(receiver.url, WebhookType.EXITED)
    assert not seen(START + MINUTE)
    [row] = hooks.world.rows("SELECT id FROM enrollment")
    with hooks.world.store.transaction() as connection:
        exit_one(connection, sequence_id, row["id"], START + MINUTE)
    assert seen(START + MINUTE)
    receiver.answer = refusing
    hooks.pass_at(START + MINUTE)
    assert not seen(START + MINUTE)
    assert seen(START + 5 * MINUTE)
    receiver.answer = well
    hooks.pass_at(START + 5 * MINUTE)
    assert not seen(START + DAY)
