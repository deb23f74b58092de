"""The push is off unless asked for, and tells of opt-outs and complaints alone, once each (SPEC 7)."""

from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.integration.sync.conftest import LATER, Sync
from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.store.suppressions import lift_address, suppress

HOUR = timedelta(hours=1)
REASONS = {reason: f"{reason}@example.net" for reason in SuppressionReason}


@pytest.fixture
def suppressed(world: World) -> World:
    """One address a reason."""
    with world.store.transaction() as connection:
        for reason, email in REASONS.items():
            suppress(connection, email, reason, START, source="tests")
    return world


def globally(lists: SuppressionLists) -> list[str]:
    return sorted(entry.email for entry in lists.entries("unsubscribes"))


@pytest.mark.usefixtures("suppressed")
def test_nothing_is_pushed_unasked(lists: SuppressionLists, sync: Sync):
    assert sync().pushed == 0
    assert globally(lists) == []


@pytest.mark.usefixtures("suppressed")
def test_opt_outs_and_complaints_are_pushed_once(lists: SuppressionLists, sync: Sync):
    assert sync(push_to="global").pushed == 2
    assert globally(lists) == ["complaint@example.net", "unsubscribe@example.net"]
    assert sync(LATER + HOUR, push_to="global").pushed == 0


@pytest.mark.usefixtures("suppressed")
def test_a_group_can_be_named(lists: SuppressionLists, sync: Sync):
    assert sync(push_to="7").pushed == 2
    assert sorted(lists.group(7)) == ["complaint@example.net", "unsubscribe@example.net"]
    assert globally(lists) == []


def test_what_was_pushed_comes_back_as_no_news(suppressed: World, sync: Sync):
    """A complaint that is pushed to the global list must not return as an unsubscribe."""
    sync(push_to="global")
    sync(LATER + HOUR, push_to="global")
    rows = suppressed.rows("SELECT reason FROM suppression WHERE email = 'complaint@example.net'")
    assert rows == [{"reason": "complaint"}]


def test_what_was_pushed_is_taken_back(suppressed: World, lists: SuppressionLists, sync: Sync):
    """An operator with `force`, at the person's wish: the group's list lets them go, too."""
    sync(push_to="7")
    with suppressed.store.transaction() as connection:
        lift_address(connection, "complaint@example.net", LATER, who="tests", force=True)
    assert sync(LATER + HOUR, push_to="7").notes == []
    assert lists.group(7) == ["unsubscribe@example.net"]


def test_one_lifted_reason_leaves_the_other_standing(suppressed: World, lists: SuppressionLists, sync: Sync):
    """Two reasons hold an address on the global list; only the last one lets it go."""
    email = "complaint@example.net"
    with suppressed.store.transaction() as connection:
        suppress(connection, email, SuppressionReason.UNSUBSCRIBE, START, source="link")
    sync(push_to="global")
    suppressed.change(
        "UPDATE suppression SET lifted_at = $now WHERE email = $email AND reason = 'complaint'",
        now=LATER,
        email=email,
    )
    sync(LATER + HOUR, push_to="global")
    assert email in globally(lists)


@pytest.mark.parametrize("value", ["everyone", "-1", "7,8"])
def test_a_bad_target_is_refused(value: str):
    with pytest.raises(ConfigurationFault, match="XMIT_PUSH_SUPPRESSIONS"):
        read_settings({"XMIT_PUSH_SUPPRESSIONS": value})
