"""The exchange with SendGrid's suppression lists, against the sandbox."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.control_calls import ControlCalls, control_calls
from xmit_pipeline.delivery.suppression_sync import SuppressionSync, SyncReport
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.sandbox.suppressions import SuppressionLists

LATER = START + timedelta(hours=1)
Sync = Callable[..., SyncReport]


@pytest.fixture
def lists(world: World) -> Iterator[SuppressionLists]:
    """The sandbox's lists, empty before and after."""
    kept = world.sandbox.suppressions
    _empty(kept)
    yield kept
    _empty(kept)


@pytest.fixture
def calls(world: World) -> Iterator[ControlCalls]:
    with control_calls(world.settings) as opened:
        yield opened


@pytest.fixture
def sync(world: World, lists: SuppressionLists, calls: ControlCalls) -> Sync:  # noqa: ARG001
    """One run of the exchange at a moment; `push_to` and `page` by keyword, `calls` to replace the real ones."""

    def run(now: datetime = LATER, **changes: Any) -> SyncReport:
        given = {"calls": calls, **changes}
        return SuppressionSync(world.store, FixedClock(now), **given).run()

    return run


def _empty(lists: SuppressionLists) -> None:
    for name in ("bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes"):
        for entry in lists.entries(name):
            lists.remove(name, entry.email)
    for email in lists.group(7):
        lists.remove_from_group(7, email)


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())
