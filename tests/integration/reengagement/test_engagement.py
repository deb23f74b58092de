"""`contact_engagement`: last delivered, last human open, last click, from events in any order (SPEC 7)."""

from datetime import timedelta

import pytest

from tests.campaigns import World
from tests.integration.reengagement.lapsed import IN_MONTH, NOW, lapsed, tell
from xmit_pipeline.store import engagement
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
