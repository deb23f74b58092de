"""What happens to mail in the sandbox when it has readers: SendGrid's events, in SendGrid's shape, by a seed."""

from collections import Counter
from datetime import timedelta
from math import sqrt
from typing import Any

import jsonschema_rs
import orjson
import pytest

from tests.integration.sandbox.events_town import ALL_OVER, LINKS, START, Town
from tests.sendgrid_openapi import ABSENT, DESCRIPTION
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.server import running_sandbox

LOGS = DESCRIPTION.with_name("sendgrid_logs_v3.json")
EVERYTHING = {
    "drop": 0.1, "deferred": 0.3, "hard_bounce": 0.1, "soft_bounce": 0.1, "machine_open": 0.4, "open": 0.6,
    "scanner": 0.2, "click": 0.5, "complaint": 0.1, "unsubscribe": 0.2, "unsubscribe_event": 0.5, "reopen": 0.3,
    "late_bounce": 0.3,
}  # fmt: skip
QUIET = dict.fromkeys(
    ("deferred", "hard_bounce", "soft_bounce", "machine_open", "open", "scanner", "complaint", "unsubscribe"),
    0.0,
)


def judges() -> dict[str, jsonschema_rs.Validator]:
    """The vendor's schema of each event kind, closed, but for what the webhook does otherwise (see `as_logged`)."""
    document = orjson.loads(LOGS.read_bytes())
    schemas = document["components"]["schemas"]
    found: dict[str, jsonschema_rs.Validator] = {}
    for kind, place in schemas["EmailLogsEvent"]["discriminator"]["mapping"].items():
        schema = schemas[place.rpartition("/")[2]]
        schema["additionalProperties"] = False
        schema["required"] = [name for name in schema["required"] if name != "date"]
        found[kind] = jsonschema_rs.validator_for({"$ref": place, "components": document["components"]})
    return found


def as_logged(event: dict[str, Any]) -> dict[str, Any]:
    """A webhook event as the Email Logs have it: custom args in an object, no `false`, `url` of clicks alone."""
    logged = {name: value for name, value in event.items() if not name.startswith("xmit_")}
    logged["custom_args"] = {name: value for name, value in event.items() if name.startswith("xmit_")}
    if logged.get("sg_machine_open") is False:
        del logged["sg_machine_open"]
    if logged["event"] == "bounce" and "sg_message_id" not in logged:
        logged["sg_message_id"] = "an asynchronous bounce has none"
    return logged


@pytest.mark.skipif(not LOGS.exists(), reason=ABSENT)
def test_all_kinds_have_the_vendors_fields(town: Town):
    """SendGrid, Event Webhook: every kind, each field of the vendor's type, none that the vendor has not."""
    town.people(**EVERYTHING)
    town.send(300, categories=["welcome", "trial"], ip_pool_name="warm")
    town.send(300, subject="Group", prefix="g", asm={"group_id": 7})
    town.emit()

    validators = judges()
    seen: Counter[str] = Counter()
    for event in town.past():
        validators[event["event"]].validate(as_logged(event))
        seen[event["event"]] += 1

    assert set(seen) == {
        "processed", "dropped", "deferred", "delivered", "bounce", "open", "click", "spamreport", "unsubscribe",
        "group_unsubscribe",
    }  # fmt: skip
    assert {event["type"] for event in town.past(kind="bounce")} == {"bounce"}
    assert {event["type"] for event in town.past(kind="blocked")} == {"blocked"}
    assert any("status" not in event for event in town.past(kind="blocked"))
    assert {event["attempt"] for event in town.past(kind="deferred")} == {"0", "1", "2"}
    assert all(event["sg_machine_open"] is False for event in town.past(kind="open"))


def test_events_carry_their_mails_ids(town: Town):
    """SPEC 10: both custom args at the top level; SendGrid's own ids begin with the request's X-Message-Id."""
    town.people(**QUIET | {"open": 1.0})
    message_id = town.send(3)
    town.emit()

    for number in range(3):
        events = town.past(message=f"msg_Hello_p{number}")
        assert {"processed", "delivered", "open"} == {event["event"] for event in events}
        assert {event["email"] for event in events} == {f"p{number}@example.net"}
        assert {event["xmit_request"] for event in events} == {"req_Hello"}
        assert all(event["sg_message_id"].startswith(f"{message_id}.recvd-") for event in events)
    ids = [event["sg_event_id"] for event in town.past()]
    assert len(set(ids)) == len(ids)
    assert all(len(event_id) <= 100 and event_id.isascii() for event_id in ids)


def test_an_asynchronous_bounce_has_no_ids(town: Town):
    """SPEC 7: accepted, then sent back; known by its address alone."""
    town.people(**QUIET | {"hard_bounce": 1.0, "late_bounce": 1.0})
    town.send(1)
    town.emit()

    [bounce] = town.past(kind="bounce")

    assert bounce["email"] == "p0@example.net"
    assert not {"sg_message_id", "xmit_message", "xmit_request", "smtp-id", "ip"} & set(bounce)
    assert town.totals()["delivered"] == 1


def test_same_seed_and_mail_same_events(town: Town):
    """The same requests at the same times: the same events to the last id, in one emission or in many."""
    town.people(**EVERYTHING)
    town.send(200)
    town.send(200, subject="Later", at=START + timedelta(days=2))
    town.emit(START + timedelta(days=5))

    with running_sandbox() as other:
        again = Town(other, town.end, town.http)
        again.people(**EVERYTHING)
        again.send(200)
        for hours in (0, 1, 3, 3, 20, 47):
            again.emit(START + timedelta(hours=hours))
        again.send(200, subject="Later", at=START + timedelta(days=2))
        again.emit(START + timedelta(days=5))
        assert again.past() == town.past()
        assert len(again.past()) > 800


def test_another_seed_is_another_fate(town: Town):
    town.call("POST", "/_sandbox/people", {"seed": 8, **EVERYTHING})
    town.send(200)
    town.emit()
    with running_sandbox() as other:
        again = Town(other, town.end, town.http)
        again.people(**EVERYTHING)
        again.send(200)
        again.emit()
        assert again.totals() != town.totals()


def test_fate_does_not_rest_on_ids(town: Town):
    """New ids for the same campaign, as each run of the demo has them: the same figures."""
    town.people(**EVERYTHING)
    town.send(300, custom_args={"xmit_request": "req_a"})
    town.emit()
    first = town.totals()

    town.call("DELETE", "/_sandbox/messages")
    for name in ("bounces", "spam_reports", "unsubscribes"):
        for entry in town.sandbox.suppressions.entries(name):  # type: ignore[arg-type]
            town.sandbox.suppressions.remove(name, entry.email)  # type: ignore[arg-type]
    town.send(300, custom_args={"xmit_request": "req_b"})
    town.emit()

    assert town.totals() == first


def test_figures_keep_to_the_usual_rates(town: Town):
    """Without any rates given, each figure lies within four deviations of its binomial."""
    usual = PeopleOrder()
    town.call("POST", "/_sandbox/people", {})
    sent = 2000
    for number in range(2):
        town.send(sent // 2, prefix=f"half{number}-")
    town.emit()

    totals = town.totals()
    missing = usual.hard_bounce
    for kind, rate in {
        "bounce": missing,
        "blocked": usual.soft_bounce * (1 - missing),
        "delivered": 1 - usual.soft_bounce * (1 - missing) - missing * (1 - usual.late_bounce),
        "machine_open": usual.machine_open * (1 - missing),
        "one_click": usual.unsubscribe * (1 - missing),
    }.items():
        assert abs(totals[kind] - sent * rate) <= 4 * sqrt(sent * rate * (1 - rate)), kind
    opened = {event["xmit_message"] for event in town.past(kind="open")}
    assert abs(len(opened) - sent * usual.open) <= 4 * sqrt(sent * usual.open) + sent * missing


def test_only_what_is_due_happens(town: Town):
    """Simulated time: events come in order, each at or before the moment asked for, none twice."""
    town.people(**EVERYTHING)
    town.send(200)
    town.send(10, subject="Tomorrow", at=START + timedelta(days=1))

    for hours in (0, 1, 6, 23, 72):
        moment = START + timedelta(hours=hours)
        town.emit(moment)
        times = [event["timestamp"] for event in town.past()]
        assert times == sorted(times)
        assert all(START.timestamp() <= time <= moment.timestamp() for time in times)
        assert any("Tomorrow" in event.get("xmit_message", "") for event in town.past()) == (hours > 24)
    assert town.emit(ALL_OVER + timedelta(days=9))["events"] == 0


def test_clicks_go_to_the_mails_own_links(town: Town):
    """One of the tracked links, at its place among them; scanners follow all of them within seconds of delivery."""
    town.people(**QUIET | {"open": 1.0, "click": 1.0, "reopen": 0.0})
    town.send(60)
    town.emit()

    clicks = town.past(kind="click")
    assert len(clicks) == 60
    assert {click["url"] for click in clicks} == set(LINKS)
    assert all(LINKS[click["url_offset"]["index"]] == click["url"] for click in clicks)

    town.people(**QUIET | {"scanner": 1.0})
    town.send(1, prefix="gate")
    town.emit()
    scanned = [click for click in town.past(kind="click") if click["email"] == "gate0@example.net"]
    [delivered] = [one for one in town.past(kind="delivered") if one["email"] == "gate0@example.net"]
    assert {click["url"] for click in scanned} == set(LINKS)
    assert len({click["ip"] for click in scanned}) == 1
    assert all(0 <= click["timestamp"] - delivered["timestamp"] <= 5 for click in scanned)


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({"tracking_settings": {"open_tracking": {"enable": False}}}, {"open", "machine_open"}),
        ({"tracking_settings": {"click_tracking": {"enable": False}}}, {"click"}),
        ({"content": [{"type": "text/plain", "value": LINKS[0]}]}, {"open", "machine_open", "click"}),
    ],
)
def test_what_is_not_tracked_does_not_show(town: Town, more: dict[str, Any], missing: set[str]):
    town.people(**QUIET | {"open": 1.0, "click": 1.0, "machine_open": 1.0})
    town.send(5, **more)
    town.emit()

    reading = {"open", "machine_open", "click"}
    assert reading - set(town.totals()) == missing


@pytest.mark.parametrize(
    ("rates", "more", "list_name", "reason"),
    [
        ({"hard_bounce": 1.0, "late_bounce": 0.0}, {}, "bounces", "Bounced Address"),
        ({"complaint": 1.0}, {}, "spam_reports", "Spam Reporting Address"),
        ({"unsubscribe": 1.0, "unsubscribe_event": 1.0}, {}, "unsubscribes", "Unsubscribed Address"),
        (
            {"unsubscribe": 1.0, "unsubscribe_event": 1.0},
            {"asm": {"group_id": 7}},
            None,
            "Unsubscribed Address",
        ),
    ],
)
def test_later_mail_to_the_suppressed_is_dropped(
    town: Town, rates: dict[str, float], more: dict[str, Any], list_name: str | None, reason: str
):
    """SendGrid, Suppressions: the event fills the list, the list drops the next mail; nobody else's."""
    town.people(**QUIET | rates)
    town.send(1, **more)
    town.emit()
    if list_name is None:
        assert town.call("GET", "/v3/asm/groups/7/suppressions") == ["p0@example.net"]
    else:
        [entry] = town.call("GET", f"/v3/suppression/{list_name}")
        assert (entry["email"], entry["created"]) == ("p0@example.net", town.past()[-1]["timestamp"])

    town.people(**QUIET)
    town.send(2, subject="Next", at=ALL_OVER, **more)
    town.emit(ALL_OVER + timedelta(days=2))

    [dropped] = town.past(kind="dropped")
    assert (dropped["email"], dropped["reason"]) == ("p0@example.net", reason)
    assert ".filterdrecv-" in dropped["sg_message_id"]
    assert [event["event"] for event in town.past(message="msg_Next_p0")] == ["dropped"]
    assert [event["event"] for event in town.past(message="msg_Next_p1")] == ["processed", "delivered"]


def test_a_block_does_not_suppress(town: Town):
    """SPEC 7: `blocked` is listed under blocks, and the next mail goes out."""
    town.people(**QUIET | {"soft_bounce": 1.0})
    town.send(1)
    town.emit()
    assert [entry["email"] for entry in town.call("GET", "/v3/suppression/blocks")] == ["p0@example.net"]

    town.people(**QUIET)
    town.send(1, subject="Next", at=ALL_OVER)
    town.emit(ALL_OVER + timedelta(days=2))

    assert [event["event"] for event in town.past(message="msg_Next_p0")] == ["processed", "delivered"]


def test_suppressed_by_hand_is_dropped_at_once(town: Town):
    """What was pushed to SendGrid's lists counts as what happened there."""
    town.call("POST", "/v3/asm/suppressions/global", {"recipient_emails": ["P0@example.net"]})
    town.people(**QUIET)
    town.send(1)
    town.send(1, subject="Bypass", mail_settings={"bypass_list_management": {"enable": True}})
    town.emit()

    assert [event["event"] for event in town.past(message="msg_Hello_p0")] == ["dropped"]
    assert [event["event"] for event in town.past(message="msg_Bypass_p0")] == ["processed", "delivered"]


def test_unsubscribes_come_by_the_mails_own_link(town: Town):
    """RFC 8058: one POST to the mail's own link, no event, and SendGrid's lists know nothing of it."""
    town.people(**QUIET | {"unsubscribe": 1.0})
    town.send(3)
    answer = town.emit()

    assert answer["oneClicks"] == {"given": 3, "posts": 3, "lost": 0}
    assert sorted(post.path for post in town.end.posts) == ["/u/p0", "/u/p1", "/u/p2"]
    assert {post.body for post in town.end.posts} == {b"List-Unsubscribe=One-Click"}
    assert town.totals() == {"delivered": 3, "one_click": 3, "processed": 3}
    assert town.call("GET", "/v3/suppression/unsubscribes") == []
    wishes = town.call("GET", "/_sandbox/events")["oneClicks"]
    assert sorted(wish["xmit_message"] for wish in wishes) == [f"msg_Hello_p{number}" for number in range(3)]


@pytest.mark.parametrize(
    "headers",
    [{"List-Unsubscribe-Post": "no"}, {"X-Nothing": "here"}],
)
def test_a_link_that_takes_no_post_is_sendgrids(town: Town, headers: dict[str, str]):
    """Without RFC 8058 in the mail the wish comes as SendGrid's own event."""
    town.people(**QUIET | {"unsubscribe": 1.0})
    town.send(1, headers=headers)
    town.emit()

    assert town.totals() == {"delivered": 1, "processed": 1, "unsubscribe": 1}
    assert town.end.posts == []


def test_nothing_happens_without_people(town: Town):
    """Tests and people who only look at mail: no event, whoever asks."""
    town.webhook()
    town.send(20)

    assert town.emit()["events"] == 0
    assert town.past() == []
    assert town.end.posts == []

    town.people(**QUIET)
    assert town.emit()["events"] == 40
    assert len(town.end.events()) == 40

    assert town.call("GET", "/_sandbox/people")["people"]["seed"] == 7
    town.call("DELETE", "/_sandbox/people")
    town.send(20, subject="After")
    assert town.emit()["events"] == 0
    assert town.call("GET", "/_sandbox/people") == {"people": None}


def test_clearing_mail_forgets_its_events(town: Town):
    town.people(**QUIET)
    town.send(5)
    town.emit(START + timedelta(seconds=2))
    town.call("DELETE", "/_sandbox/messages")
    town.emit()
    assert town.past() == []

    town.send(1)
    assert town.emit()["events"] == 2
    assert town.totals() == {"delivered": 1, "processed": 1}


def test_totals_are_told_by_message(town: Town):
    town.people(**EVERYTHING)
    town.send(50)
    town.emit()

    told = town.call("GET", "/_sandbox/events/totals")

    added: Counter[str] = Counter()
    for counts in told["byMessage"].values():
        added.update(counts)
    ours = [event for event in town.past() if "xmit_message" in event]
    without_ids = len(town.past()) - len(ours)
    assert without_ids > 0
    assert added.total() + without_ids == sum(told["totals"].values())
    assert set(told["byMessage"]) == {event["xmit_message"] for event in ours}


@pytest.mark.parametrize(
    "order", [{"open": 1.1}, {"open": -0.1}, {"opens": 0.1}, {"speed": 0}, {"seed": "x"}]
)
def test_a_senseless_people_order_is_refused(town: Town, order: dict[str, Any]):
    answer = town.http.request("POST", f"{town.sandbox.url}/_sandbox/people", json=order)
    assert answer.status == 400
    assert answer.json()["error"] == answer.json()["message"]
    assert town.call("GET", "/_sandbox/people") == {"people": None}
