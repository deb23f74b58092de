"""Who belongs to a month's cohort, and what enrolling it does (SPEC 3)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.campaigns import START, World, curve
from tests.integration.reengagement.lapsed import IN_MONTH, MONTH, NOW, enrolled, lapsed, run, tell
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import cohorts, sequences, suppressions
from xmit_pipeline.store.cohorts import Silence, dormant_cohort
from xmit_pipeline.store.engagement import fold_engagement

DAY = timedelta(days=1)


def test_a_cohort_holds_who_fell_silent_then(world: World):
    """Never engaged counts by creation; a human open or click counts, a machine's does not."""
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 2)
    lapsed(world, 3, prefix="older", at=IN_MONTH - 200 * DAY)
    tell(world, "open", ["older0@example.net"], IN_MONTH)
    tell(world, "click", ["older1@example.net"], IN_MONTH + DAY)
    tell(world, "open", ["older2@example.net"], IN_MONTH, machine=True)
    tell(world, "delivered", ["quiet0@example.net"], IN_MONTH + 40 * DAY)
    fold_engagement(world.store)
    run(world, sequence_id)
    assert enrolled(world, sequence_id) == {
        f"{name}@example.net" for name in ("quiet0", "quiet1", "older0", "older1")
    }


def test_who_engages_between_two_runs_leaves(world: World):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 3)
    tell(world, "open", ["quiet1@example.net"], NOW - DAY)
    fold_engagement(world.store)
    with world.store.snapshot() as connection:
        assert dormant_cohort(connection, MONTH, NOW, Silence()).contacts == 2
    run(world, sequence_id)
    assert enrolled(world, sequence_id) == {"quiet0@example.net", "quiet2@example.net"}


def test_who_unsubscribed_is_never_enrolled(world: World):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 3)
    with world.store.transaction() as connection:
        suppressions.suppress(
            connection, "quiet0@example.net", SuppressionReason.UNSUBSCRIBE, NOW, source="link"
        )
        suppressions.suppress(connection, "quiet1@example.net", SuppressionReason.MANUAL, NOW, source="test")
    done = run(world, sequence_id)
    assert enrolled(world, sequence_id) == {"quiet2@example.net"}
    assert done.skipped_reasons == {"inactive": 1, "suppressed": 1}


@pytest.mark.parametrize("reenroll", [False, True])
def test_running_again_adds_nobody_twice(world: World, *, reenroll: bool):
    """Also where the sequence re-enrolls and the first time is over."""
    world.domain()
    sequence_id = world.sequence()
    world.change("UPDATE sequence SET reenroll = $reenroll", reenroll=reenroll)
    lapsed(world, 5)
    assert run(world, sequence_id).enrolled == 5
    world.tick(NOW)
    again = run(world, sequence_id, now=NOW + DAY)
    assert (again.enrolled, again.skipped_reasons) == (0, {"already_enrolled": 5})


def test_parallel_runs_add_nobody_twice(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cohorts, "SLICE", 7)
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 40)
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: run(world, sequence_id), range(3)))
    assert sum(each.enrolled for each in done) == 40
    assert len(enrolled(world, sequence_id)) == 40


def test_a_slice_at_a_time_reaches_everybody(world: World, monkeypatch: pytest.MonkeyPatch):
    """No transaction enrolls more than a slice; a condition that nobody in a slice meets does not end it."""
    monkeypatch.setattr(cohorts, "SLICE", 4)
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 9, first_name="No")
    lapsed(world, 3, prefix="z", first_name="Yes")
    assert run(world, sequence_id, where="first_name = 'Yes'").enrolled == 3
    assert run(world, sequence_id).enrolled == 9


def test_a_dry_run_counts_and_changes_nothing(world: World):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 6)
    assert run(world, sequence_id, dry_run=True).enrolled == 6
    assert enrolled(world, sequence_id) == set()


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_only_an_active_sequence_takes_a_cohort(world: World, status: str):
    world.domain()
    sequence_id = world.sequence()
    world.change("UPDATE sequence SET status = $status", status=status)
    lapsed(world, 1)
    with pytest.raises(Conflict, match=f"'Welcome' is {status}"):
        run(world, sequence_id)


def test_quiet_days_keep_the_lately_active_out(world: World):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 4, at=NOW - 30 * DAY)
    month = (NOW - 30 * DAY).date().replace(day=1)
    assert run(world, sequence_id, month).contacts == 0
    assert run(world, sequence_id, month, quiet_days=20).enrolled == 4


def test_what_another_platform_knew_counts(world: World):
    """Imported history: a metadata key with the date of the last open."""
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 1, prefix="known", at=NOW, metadata={"lastOpen": "2025-06-20"})
    lapsed(world, 1, prefix="odd", at=NOW, metadata={"lastOpen": "long ago"})
    assert run(world, sequence_id).contacts == 0
    assert run(world, sequence_id, last_engaged_field="lastOpen").enrolled == 1
    assert enrolled(world, sequence_id) == {"known0@example.net"}


@pytest.mark.parametrize(
    ("month", "now", "is_open"),
    [
        (date(2025, 6, 1), datetime(2025, 9, 28, 23, 59, tzinfo=UTC), True),
        (date(2025, 6, 1), datetime(2025, 9, 29, 0, 0, tzinfo=UTC), False),
        (date(2025, 12, 1), datetime(2025, 12, 20, tzinfo=UTC), True),
    ],
)
def test_a_month_is_open_until_its_last_day_is_quiet(month: date, now: datetime, *, is_open: bool):
    assert Silence(quiet_days=90).is_open(month, now) is is_open


def test_a_big_cohort_never_starves_a_welcome(world: World):
    """SPEC 4: cohorts obey the day's limit, and mail of the hour passes a backlog."""
    world.domain(warmup_on=True, hold_target=True, **curve(24, 24))
    winback, welcome = world.sequence(name="Win-back"), world.sequence(name="Welcome")
    lapsed(world, 90)
    run(world, winback, now=START)
    fresh = world.people(5, now=START + 3 * DAY)
    for hours in range(0, 72, 3):
        world.tick(START + timedelta(hours=hours))
    later = START + 3 * DAY
    world.enroll(welcome, fresh, later)
    world.tick(later)
    sent = world.rows(
        "SELECT sequence_id, count(*) AS sent FROM message WHERE sent_at = $now GROUP BY ALL", now=later
    )
    assert {row["sequence_id"]: row["sent"] for row in sent}[welcome] == 5
    by_day = world.rows("SELECT quota_day, sum(size)::INT AS sent FROM request GROUP BY quota_day")
    assert max(row["sent"] for row in by_day) <= 24


def test_a_cohort_names_its_month_as_source(world: World):
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 1)
    run(world, sequence_id)
    assert world.rows("SELECT source FROM enrollment") == [{"source": "reengagement 2025-06"}]


def test_a_pause_between_slices_stops_the_cohort(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cohorts, "SLICE", 3)
    world.domain()
    sequence_id = world.sequence()
    lapsed(world, 9)

    def pause(_: object) -> None:
        with world.store.transaction() as connection:
            sequences.pause(connection, sequence_id, NOW)

    with pytest.raises(Conflict):
        cohorts.enroll_cohort(world.store, sequence_id, MONTH, NOW, Silence(), progress=pause)
    assert len(enrolled(world, sequence_id)) == 3


def test_fewer_than_one_quiet_day_is_refused():
    with pytest.raises(BadInput):
        Silence(quiet_days=0)
