"""`contact_engagement`: last delivered, last human open, last click, from events in any order (SPEC 7)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.campaigns import World
from tests.integration.events.feed import Feed, campaign
from tests.integration.reengagement.lapsed import IN_MONTH, NOW, lapsed, tell
from xmit_pipeline.store import engagement
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.engagement import fold_engagement

DAY = timedelta(days=1)
ADA = ["quiet0@example.net"]
ROW = "SELECT last_delivered_at, last_opened_at, last_clicked_at FROM contact_engagement"


def told_late_and_early(world: World) -> None:
    """The later open comes first, a machine's open last of all."""
    tell(world, "open", ADA, IN_MONTH + 3 * DAY)
    fold_engagement(world.store)
    tell(world, "open", ADA, IN_MONTH, now=NOW + DAY)
    tell(world, "click", ADA, IN_MONTH + DAY, now=NOW + DAY)
    fold_engagement(world.store)
    tell(world, "open", ADA, IN_MONTH + 9 * DAY, machine=True, now=NOW + 2 * DAY)
    fold_engagement(world.store)


def test_the_latest_sign_stays_whatever_the_order(world: World):
    lapsed(world, 2)
    told_late_and_early(world)
    [row] = world.rows(ROW)
    assert row == {
        "last_delivered_at": IN_MONTH + 9 * DAY,
        "last_opened_at": IN_MONTH + 3 * DAY,
        "last_clicked_at": IN_MONTH + DAY,
    }


@pytest.mark.parametrize("many", [200_000, 1])
def test_a_rebuild_gives_the_same(world: World, monkeypatch: pytest.MonkeyPatch, many: int):
    """Also where it is cut into buckets."""
    monkeypatch.setattr(engagement, "MANY", many)
    lapsed(world, 2)
    told_late_and_early(world)
    before = world.rows(ROW)
    assert fold_engagement(world.store, whole=True).whole
    assert world.rows(ROW) == before


def test_nothing_new_costs_no_fold(world: World):
    lapsed(world, 1)
    tell(world, "open", ADA, IN_MONTH)
    assert fold_engagement(world.store).events == 1
    assert fold_engagement(world.store).events == 0


def test_a_replayed_old_event_is_found(world: World):
    """A replay writes events with the time of their first fold."""
    lapsed(world, 1)
    tell(world, "open", ADA, IN_MONTH)
    fold_engagement(world.store)
    tell(world, "open", ADA, IN_MONTH + DAY, now=NOW - DAY)
    assert fold_engagement(world.store).whole
    assert world.rows(ROW)[0]["last_opened_at"] == IN_MONTH + DAY


def test_an_event_taken_away_is_forgotten(world: World):
    lapsed(world, 1)
    tell(world, "open", ADA, IN_MONTH)
    fold_engagement(world.store)
    world.change("DELETE FROM event")
    assert fold_engagement(world.store).whole
    assert world.rows(ROW) == []


def test_a_past_is_found_whenever_its_contact_comes(world: World):
    """SPEC 7: events first, the import after; and again where an address is changed."""
    tell(world, "open", ADA, IN_MONTH)
    tell(world, "open", ["other@example.net"], IN_MONTH + DAY)
    fold_engagement(world.store)
    [contact_id] = lapsed(world, 1)
    fold_engagement(world.store)
    assert world.rows(ROW)[0]["last_opened_at"] == IN_MONTH
    world.change("UPDATE contact SET email = 'other@example.net' WHERE id = $id", id=contact_id)
    fold_engagement(world.store)
    assert world.rows(ROW)[0]["last_opened_at"] == IN_MONTH + DAY
    before = world.rows(ROW)
    fold_engagement(world.store, whole=True)
    assert world.rows(ROW) == before


class FoldedBetween:
    """A store whose tick folds more events before the third transaction, and what is told then."""

    def __init__(self, world: World, told: Callable[[], None]) -> None:
        self.snapshot = world.store.snapshot
        self._open, self._told, self._opened = world.store.transaction, told, 0

    def transaction(self) -> AbstractContextManager[Connection]:
        self._opened += 1
        if self._opened == 3:
            self._told()
        return self._open()


def test_what_comes_during_a_fold_is_folded_next(world: World, monkeypatch: pytest.MonkeyPatch):
    """SPEC 7: a fold of many buckets answers for what was there when it began, and for nothing else."""
    monkeypatch.setattr(engagement, "MANY", 1)
    lapsed(world, 60)
    everybody = [f"quiet{number}@example.net" for number in range(60)]
    tell(world, "open", everybody, IN_MONTH)
    later = FoldedBetween(world, lambda: tell(world, "open", everybody, NOW, now=NOW + timedelta(minutes=1)))
    fold_engagement(later)
    assert fold_engagement(world.store).events > 0
    assert {row["last_opened_at"] for row in world.rows(ROW)} == {NOW}


def test_another_scanner_rule_counts_signs_anew(world: World):
    """SPEC 7, PAINS F5: clicks that were a scanner's by the old rule, and a person's by the new one."""
    feed = Feed(world)
    campaign(world, people=1)
    [message] = feed.sent()
    clicks = [feed.entry("click", message, after=62, url=f"u{number}", ip="192.0.2.1") for number in range(3)]
    feed.told(feed.entry("delivered", message, after=60), *clicks)
    fold_engagement(world.store)
    assert world.rows(ROW)[0]["last_clicked_at"] is None
    world.settings = replace(world.settings, scanner_seconds=0)
    feed.fold()
    fold_engagement(world.store)
    assert world.rows(ROW)[0]["last_clicked_at"] is not None


def test_our_own_mail_counts_by_its_message(world: World):
    """The event's message says whose sign it is, and `message_feedback` whether a human's."""
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    world.tick(NOW)
    world.change(
        "INSERT INTO event (sg_event_id, kind, message_id, email, happened_at, folded_at, raw, effect, machine) "
        "SELECT 'x', 'open', id, email, $at, $at, '{}', 'opened', false FROM message",
        at=NOW + DAY,
    )
    fold_engagement(world.store)
    assert world.rows(ROW)[0]["last_opened_at"] is None
    world.change(
        "INSERT INTO message_feedback BY NAME SELECT id AS message_id, true AS delivered, 1 AS opens, "
        "1 AS human_opens, 0 AS clicks, 0 AS human_clicks, false AS bounced, false AS blocked, "
        "false AS dropped, false AS complained, false AS unsubscribed FROM message"
    )
    fold_engagement(world.store, whole=True)
    assert world.rows(ROW)[0]["last_opened_at"] == NOW + DAY
