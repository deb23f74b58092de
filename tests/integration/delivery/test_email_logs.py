"""SendGrid's log is a help and never a hindrance: whatever it answers, mail that is due goes out (SPEC 6.6)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery import email_logs
from xmit_pipeline.delivery.email_logs import EmailLogs, look_up_unknown
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.model.clock import FixedClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Odd:
    """Answers every call with the same JSON, and keeps what was sent when it was asked."""

    def __init__(self, world: World, answer: Any, details: Any = None) -> None:
        self._world, self._answer, self._details = world, answer, details
        self.sent_before: list[int] = []

    def post(self, path: str, body: object) -> Any:  # noqa: ARG002  (as `ControlCalls` has it)
        self.sent_before.append(sum(self._world.delivered().values()))
        return self._answer

    def get(self, path: str, query: object = None) -> Any:  # noqa: ARG002  (as `ControlCalls` has it)
        return self._details


def logs_of(odd: Odd) -> EmailLogs:
    return EmailLogs(odd)  # type: ignore[arg-type]


@pytest.fixture
def unanswered(world: World) -> World:
    """Three whose mail is of unknown fate."""
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    world.faults({"kind": "reset", "when": "before"})
    world.tick(START)
    world.faults()
    return world


def tick_with(world: World, odd: Odd, now: Any) -> int:
    result = run_tick(
        world.store, world.settings, FixedClock(now), Mailer(world.sendgrid), f"odd {now}", None, logs_of(odd)
    )
    return result.report.sent


ODD = [
    ([], None),
    ("text", None),
    ({"messages": {"a": 1}}, None),
    ({"messages": [{"id": 1}, 7, None]}, None),
    ({"messages": [{"sg_message_id": "x"}]}, []),
    ({"messages": [{"sg_message_id": "x"}]}, {"events": [{"custom_args": ["xmit_request"]}, 3]}),
    ({"messages": [{"sg_message_id": "x"}]}, {"events": "none"}),
]


@pytest.mark.parametrize(("answer", "details"), ODD)
def test_an_answer_of_another_shape_finds_nothing(unanswered: World, answer: Any, details: Any):
    """And it was looked up: it is not asked again before an hour is over."""
    odd = logs_of(Odd(unanswered, answer, details))
    assert look_up_unknown(unanswered.store, FixedClock(START + 2 * HOUR), odd) == 0
    assert unanswered.rows("SELECT looked_up_at FROM request WHERE state = 'unknown'") == [
        {"looked_up_at": START + 2 * HOUR}
    ]


def test_mail_that_is_due_waits_for_no_log(unanswered: World):
    odd = Odd(unanswered, {"messages": [{"id": 1}]})
    unanswered.enroll(unanswered.sequence(name="other"), unanswered.people(2, prefix="q"), START + 2 * HOUR)
    assert tick_with(unanswered, odd, START + 2 * HOUR) == 2
    assert odd.sent_before == [2]


def test_the_policy_hears_the_log_before_it_decides(unanswered: World):
    """SPEC 6.6: a first tick after two days down asks before it presumes, or sends again."""
    odd = Odd(unanswered, {"messages": []})
    unanswered.enroll(unanswered.sequence(name="other"), unanswered.people(2, prefix="q"))
    tick_with(unanswered, odd, START + 2 * DAY)
    assert odd.sent_before == [0]


def test_without_time_nothing_is_looked_up(unanswered: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(email_logs, "SECONDS", -1.0)
    odd = Odd(unanswered, {"messages": []})
    assert look_up_unknown(unanswered.store, FixedClock(START + 2 * HOUR), logs_of(odd)) == 0
    assert odd.sent_before == []
    assert unanswered.rows("SELECT looked_up_at FROM request WHERE state = 'unknown'") == [
        {"looked_up_at": None}
    ]
