"""SendGrid's lists are the net under the webhook: hourly, resumable, nothing lost, nothing twice (SPEC 7)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.campaigns import START, World
from tests.integration.sync.conftest import LATER, Sync, seconds
from xmit_pipeline.api.desk import opened_desk
from xmit_pipeline.api.sequences import get_sequence_stats
from xmit_pipeline.delivery.control_calls import ControlCalls, SendGridRefused
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.store.missing_events import events_missing_since
from xmit_pipeline.store.suppressions import lift_address, suppressions_page

HOUR = timedelta(hours=1)
ADDRESSES = [f"person{number}@example.net" for number in range(6)]


@pytest.fixture
def mailed(world: World) -> World:
    """Six people whose first mail is sent, and whose second is due in a day."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(6))
    world.tick(START)
    return world


def exits(world: World) -> dict[str, str | None]:
    rows = world.rows(
        "SELECT email, exit_reason FROM enrollment JOIN contact ON contact.id = contact_id ORDER BY email"
    )
    return {row["email"]: row["exit_reason"] for row in rows}


def sources(world: World) -> set[tuple[str, str, str]]:
    with world.store.snapshot() as connection:
        rows = suppressions_page(connection, LATER + timedelta(days=9), limit=1000)
    return {(row["email"], row["reason"], row["source"]) for row in rows}


def test_each_list_exits_with_its_reason(mailed: World, lists: SuppressionLists, sync: Sync):
    """SPEC 7: blocks exit nobody."""
    lists.add("bounces", ADDRESSES[0], created=seconds(START), reason="550", status="5.1.1")
    lists.add("invalid_emails", ADDRESSES[1], created=seconds(START))
    lists.add("spam_reports", ADDRESSES[2], created=seconds(START))
    lists.add("unsubscribes", ADDRESSES[3].upper(), created=seconds(START))
    lists.add("blocks", ADDRESSES[4], created=seconds(START))
    report = sync()
    assert list(exits(mailed).values()) == ["bounced", "bounced", "complained", "unsubscribed", None, None]
    assert (report.new, report.notes) == (4, [])
    assert {source for _, _, source in sources(mailed)} == {"sendgrid"}


def test_pulling_again_changes_nothing(mailed: World, lists: SuppressionLists, sync: Sync):
    lists.add("bounces", ADDRESSES[0], created=seconds(START))
    sync()
    before = sources(mailed)
    assert sync(LATER + HOUR).new == 0
    assert sources(mailed) == before


@pytest.mark.usefixtures("mailed")
def test_a_late_entry_is_found_by_the_overlap(lists: SuppressionLists, sync: Sync):
    """Entries may come onto a list after the pull that should have had them."""
    sync()
    lists.add("bounces", ADDRESSES[0], created=seconds(LATER - 2 * HOUR))
    assert sync(LATER + HOUR).new == 1


@pytest.mark.usefixtures("mailed")
def test_only_what_is_new_is_asked_for(lists: SuppressionLists, sync: Sync):
    """The cursor: the second pull begins three hours before the first one's end."""
    lists.add("bounces", ADDRESSES[0], created=seconds(START - timedelta(days=5)))
    assert sync().pulled["bounces"] == 1
    assert sync(LATER + HOUR).pulled["bounces"] == 0


@pytest.mark.usefixtures("mailed")
def test_pages_are_read_to_the_end(lists: SuppressionLists, sync: Sync):
    for number in range(7):
        lists.add("unsubscribes", f"other{number}@example.net", created=seconds(START) + number)
    assert sync(page=3).pulled["unsubscribes"] == 7
    assert sync(LATER + HOUR, page=7).new == 0


class Dying:
    """Calls that end with the process after so many."""

    def __init__(self, calls: ControlCalls, after: int) -> None:
        self._calls = calls
        self._left = after

    def get(self, path: str, query: Any = None) -> Any:
        self._left -= 1
        if self._left < 0:
            raise SystemExit
        return self._calls.get(path, query)


@pytest.mark.parametrize("after", range(11))
def test_a_death_between_pages_loses_nothing(
    mailed: World, lists: SuppressionLists, sync: Sync, calls: ControlCalls, after: int
):
    """SPEC 7: resumable; the next run goes on where the last page was taken."""
    for number in range(6):
        lists.add("bounces", ADDRESSES[number], created=seconds(START) + number)
    lists.add("unsubscribes", "later@example.net", created=seconds(START))
    with pytest.raises(SystemExit):
        sync(page=1, calls=Dying(calls, after))
    taken = mailed.rows("SELECT count(*) AS n FROM suppression")[0]["n"]
    assert sync(LATER + HOUR, page=1).new == 7 - taken
    assert set(exits(mailed).values()) == {"bounced"}


def test_what_an_operator_lifted_leaves_the_list_there(mailed: World, lists: SuppressionLists, sync: Sync):
    """SPEC 7: what is lifted here is lifted there."""
    lists.add("bounces", ADDRESSES[0], created=seconds(START))
    lists.add("bounces", ADDRESSES[1], created=seconds(START))
    sync()
    lift(mailed, ADDRESSES[0])
    report = sync(LATER + 2 * HOUR)
    assert report.lifted == 2
    assert [entry.email for entry in lists.entries("bounces")] == [ADDRESSES[1]]
    assert {email for email, _, _ in sources(mailed)} == {ADDRESSES[1]}
    assert sync(LATER + 3 * HOUR).lifted == 0


class ReadOnly:
    """A key that may read and not delete."""

    def __init__(self, calls: ControlCalls) -> None:
        self.get = calls.get

    def delete(self, path: str) -> None:
        raise SendGridRefused(f"SendGrid answered 403 to DELETE /v3/{path}: access forbidden.", 403)


def test_what_was_lifted_never_returns_by_itself(
    mailed: World, lists: SuppressionLists, sync: Sync, calls: ControlCalls
):
    """SPEC 7: or kept from returning, where the key may not delete; what befalls the address anew is taken."""
    lists.add("bounces", ADDRESSES[0], created=seconds(START))
    sync()
    lift(mailed, ADDRESSES[0])
    report = sync(LATER + HOUR, calls=ReadOnly(calls))
    assert (report.new, sources(mailed)) == (0, set())
    assert "403" in report.notes[0]

    lists.remove("bounces", ADDRESSES[0])
    lists.add("bounces", ADDRESSES[0], created=seconds(LATER + 2 * HOUR))
    assert sync(LATER + 3 * HOUR, calls=ReadOnly(calls)).new == 1


def test_odd_entries_stop_no_pull(mailed: World, sync: Sync):
    """Fields may be missing, and numbers may be text."""

    class Odd:
        def get(self, path: str, _query: Any = None) -> Any:
            if path != "suppression/bounces":
                return []
            return [
                {"email": ADDRESSES[0]},
                {"created": 1},
                {},
                "x",
                {"email": f" {ADDRESSES[1]} ", "created": "5"},
            ]

    assert sync(calls=Odd()).new == 1
    assert {email for email, _, _ in sources(mailed)} == {ADDRESSES[1]}


@pytest.mark.usefixtures("mailed")
def test_one_refused_list_keeps_no_other(lists: SuppressionLists, sync: Sync, calls: ControlCalls):
    class Forbidden:
        def get(self, path: str, query: Any = None) -> Any:
            if path == "suppression/bounces":
                raise SendGridRefused("SendGrid answered 403.", 403)
            return calls.get(path, query)

    lists.add("unsubscribes", ADDRESSES[0], created=seconds(START))
    report = sync(calls=Forbidden())
    assert (report.new, report.notes) == (1, ["SendGrid answered 403."])


def test_exits_come_by_the_pull_while_the_webhook_is_down(mailed: World, lists: SuppressionLists, sync: Sync):
    """SPEC 7: the webhook is down for 30 hours; people exit all the same, and the figures say they are incomplete."""
    mailed.change(
        "INSERT INTO event (sg_event_id, kind, email, happened_at, folded_at, raw) "
        "VALUES ('a', 'delivered', $email, $now, $now, '{}')",
        email=ADDRESSES[5],
        now=START + timedelta(minutes=5),
    )
    for hour in range(1, 31):
        if hour == 3:
            lists.add("bounces", ADDRESSES[0], created=seconds(START + 2 * HOUR + timedelta(minutes=30)))
        if hour == 20:
            lists.add("spam_reports", ADDRESSES[1], created=seconds(START + 19 * HOUR))
        sync(START + hour * HOUR)
        if hour == 24:
            mailed.tick(START + hour * HOUR)
    assert exits(mailed)[ADDRESSES[0]] == "bounced"
    assert exits(mailed)[ADDRESSES[1]] == "complained"
    assert len(mailed.delivered()) == 6 + 4
    with mailed.store.snapshot() as connection:
        assert events_missing_since(connection, START + 30 * HOUR) == START + timedelta(minutes=5)
    [sequence] = mailed.rows("SELECT id FROM sequence")
    desk = opened_desk(mailed.store, FixedClock(START + 30 * HOUR), mailed.settings.home)
    assert get_sequence_stats(desk, sequence["id"]).events_missing_since == START + timedelta(minutes=5)


def test_events_that_come_late_close_the_gap(mailed: World, lists: SuppressionLists, sync: Sync):
    """SendGrid repeats for a day: then nothing is missing any more."""
    lists.add("bounces", ADDRESSES[0], created=seconds(START + HOUR))
    sync(START + 2 * HOUR)
    late = START + 4 * HOUR
    with mailed.store.snapshot() as connection:
        assert events_missing_since(connection, late) == START
    mailed.change(
        "INSERT INTO event (sg_event_id, kind, email, happened_at, folded_at, raw) "
        "VALUES ('b', 'bounce', $email, $at, $now, '{}')",
        email=ADDRESSES[0].title(),
        at=START + HOUR,
        now=late,
    )
    with mailed.store.snapshot() as connection:
        assert events_missing_since(connection, late) is None


def test_silence_after_events_is_missing_events(mailed: World):
    """Mail goes out, and the webhook that used to tell says nothing for six hours."""
    mailed.change(
        "INSERT INTO event (sg_event_id, kind, email, happened_at, folded_at, raw) "
        "VALUES ('a', 'delivered', $email, $now, $now, '{}')",
        email=ADDRESSES[0],
        now=START + timedelta(minutes=1),
    )
    mailed.tick(START + timedelta(days=1))
    with mailed.store.snapshot() as connection:
        assert events_missing_since(connection, START + timedelta(days=1, hours=5)) is None
        missing = events_missing_since(connection, START + timedelta(days=1, hours=7))
        assert missing == START + timedelta(minutes=1)


def test_a_store_that_pulls_nothing_misses_nothing(mailed: World, sync: Sync):
    """No webhook, no suppressions: nothing says that anything was lost."""
    sync()
    with mailed.store.snapshot() as connection:
        assert events_missing_since(connection, START + timedelta(days=3)) is None


def lift(world: World, email: str) -> None:
    with world.store.transaction() as connection:
        lift_address(connection, email, LATER + timedelta(minutes=1), who="tests", force=True)
