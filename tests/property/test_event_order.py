"""Any permutation, duplication and delay of the same events gives the same store; so does a rebuild (SPEC 7)."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.campaigns import START, World, opened_world
from tests.integration.events.feed import Entry, Feed
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store.event_replay import replay_days

AFTER = START + timedelta(hours=2)
SEQUENCES = 7
"""Mails to one person: enough for five bounces in a row, twice over a delivery."""
KINDS = [
    ("processed", {}), ("deferred", {"attempt": "1"}), ("delivered", {}), ("open", {}),
    ("open", {"sg_machine_open": True}), ("click", {"url": "https://example.com/a", "ip": "192.0.2.1"}),
    ("click", {"url": "https://example.com/b", "ip": "192.0.2.1"}), ("spamreport", {}), ("unsubscribe", {}),
    ("group_unsubscribe", {}), ("bounce", {"type": "bounce"}), ("bounce", {"type": "blocked", "reason": "content"}),
    ("dropped", {"reason": "Bounced Address"}), ("dropped", {"reason": "Spam Content"}), ("unheard of", {"x": [1]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory, shared_sandbox: RunningSandbox) -> Path:
    """A home in which three people got the first of two mails, and two more one each of many sequences.

    One of these two waits for a second mail: what they leave by is seen. Nothing is delivered to them, for a delivery
    that is told late takes nobody back.
    """
    home = tmp_path_factory.mktemp("mailed")
    with opened_world(home, shared_sandbox) as world:
        world.domain()
        world.enroll(world.sequence((0, 1)), world.people(3))
        often, waiting = world.people(1, prefix="often"), world.people(1, prefix="waiting")
        for number in range(SEQUENCES):
            world.enroll(world.sequence(name=f"one {number}"), often + waiting)
        world.enroll(world.sequence((0, 1), name="two"), waiting)
        world.tick(START)
    return home


def told(feed: Feed) -> st.SearchStrategy[list[Entry]]:
    """Events of mails to these people, at times that often coincide; some with ids that are missing."""
    messages = feed.sent()
    few = [message for message in messages if message["email"].startswith("person")]
    often = [message for message in messages if message["email"].startswith("often")]
    waiting = [message for message in messages if message["email"].startswith("waiting")]
    moments = st.integers(min_value=0, max_value=40)

    def entry(message: dict[str, Any], kind: tuple[str, dict[str, Any]], after: int, shape: int) -> Entry:
        made = feed.entry(kind[0], message, after=after, **kind[1])
        if shape == 1:
            made.pop("sg_event_id")
        if shape in (2, 3):
            made = {name: value for name, value in made.items() if not name.startswith("xmit_")}
        if shape in (3, 4):
            made.pop("email")
        return made

    soft = ("bounce", {"type": "blocked", "reason": "mailbox full"})
    anything = st.builds(entry, st.sampled_from(few), st.sampled_from(KINDS), moments, st.integers(0, 7))
    bounces = st.builds(entry, st.sampled_from(often), st.just(soft), moments, st.integers(0, 1))
    deliveries = st.builds(
        entry, st.sampled_from(often), st.sampled_from([("delivered", {}), ("bounce", {"type": "bounce"})]), moments,
        st.integers(0, 1),
    )  # fmt: skip
    causes = [soft] * 6 + [("spamreport", {}), ("bounce", {"type": "bounce"})]
    leaving = st.builds(entry, st.sampled_from(waiting), st.sampled_from(causes), moments, st.integers(0, 1))
    return st.tuples(
        st.lists(anything, max_size=14),
        st.lists(bounces, max_size=12),
        st.lists(deliveries, max_size=2),
        st.lists(leaving, max_size=12),
    ).map(lambda parts: [each for part in parts for each in part])


def opened_copy(home: Path, name: str) -> Path:
    copy = home.with_name(f"{home.name}-{name}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy)
    return copy


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_order_repetition_and_delay_change_nothing(
    data: st.DataObject, mailed: Path, shared_sandbox: RunningSandbox
):
    """SPEC 7, PAINS F3, F4: as told at once, so told in pieces, shuffled, twice and late; and so rebuilt."""
    with opened_world(opened_copy(mailed, "once"), shared_sandbox) as world:
        feed = Feed(world)
        entries = data.draw(told(feed))
        feed.told(*entries, now=AFTER)
        expected = feed.facts()
        assert feed.unequal() == 0
    repeated = data.draw(st.lists(st.sampled_from(entries), max_size=6)) if entries else []
    shuffled = data.draw(st.permutations(entries + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    with opened_world(opened_copy(mailed, "pieces"), shared_sandbox) as world:
        feed = Feed(world)
        for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(shuffled)], strict=True)):
            feed.told(*shuffled[begin:end], now=AFTER + timedelta(minutes=number))
        assert feed.facts() == expected
        _spoil(world)
        replay_days(world.store, world.settings, START.date(), START.date(), AFTER)
        assert feed.fold(AFTER + timedelta(hours=1)).events == 0
        assert feed.facts() == expected


def _spoil(world: World) -> None:
    """What a rebuild has to mend: lost, changed and invented rows."""
    world.change("DELETE FROM event WHERE identity % 3 = 0")
    world.change("UPDATE event SET effect = 'opened', kind = 'open' WHERE identity % 5 = 1")
    world.change(
        "INSERT INTO event SELECT * REPLACE (identity + 1 AS identity) FROM event WHERE identity % 7 < 3"
    )
    world.change("UPDATE message_feedback SET opens = opens + 1")
    world.change("UPDATE step_metric SET opens = opens + 1")
