"""What a forecast says, of what, and that it leaves everything as it is (SPEC 10)."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from tests.campaigns import BODY, START, World, curve
from tests.property.forecast_worlds import MINUTE, Played
from xmit_pipeline.delivery.forecast import Forecast, Plan, forecast
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.lifecycle import SuppressionReason, TriggerType
from xmit_pipeline.store import lists, sequences, steps, suppressions

DAY = timedelta(days=1)


def told(world: World, sequence_id: UUID, now: datetime = START, days: int = 5, **asked) -> Forecast:
    return forecast(world.store, sequence_id, Plan(now, days, **asked))


def sent_by_day(result: Forecast) -> list[int]:
    days = Counter[date]()
    for row in result.rows:
        days[row.date] += row.sent
    return [days[day] for day in sorted(days)]


def draft(world: World, list_id: UUID | None, delays: tuple[int, ...] = (0, 1), name: str = "Draft") -> UUID:
    with world.store.transaction() as connection:
        sequence_id = sequences.create_sequence(
            connection, START, name=name, trigger_list_id=list_id,
            trigger_type=TriggerType.LIST_ADD if list_id else TriggerType.MANUAL, enroll_existing=bool(list_id),
        )  # fmt: skip
        for delay in delays:
            steps.add_step(
                connection,
                sequence_id,
                START,
                name=f"after {delay}",
                subject="Hi",
                body_html=BODY,
                delay_amount=delay,
            )
    return sequence_id


def filled_list(world: World, people: int) -> UUID:
    contact_ids = world.people(people, prefix="member")
    with world.store.transaction() as connection:
        list_id = lists.create_list(connection, "News", START)
        lists.add_contacts(connection, list_id, list(contact_ids), START)
    return list_id


def left_unknown(world: World) -> UUID:
    """Five people whose first of two mails left without an answer."""
    world.domain()
    sequence_id = world.sequence((0, 1))
    world.enroll(sequence_id, world.people(5))
    world.faults({"kind": "status", "status": 500})
    world.tick(START)
    world.faults()
    return sequence_id


@pytest.mark.parametrize("standing", ["active", "paused"])
def test_unknown_people_are_told_paused_or_not(world: World, standing: str):
    """SPEC 6.6: whoever waits for the policy is still on the way, and goes on where it decides."""
    sequence_id = left_unknown(world)
    if standing == "paused":
        with world.store.transaction() as connection:
            sequences.pause(connection, sequence_id, START)
    result = told(world, sequence_id, START + 2 * MINUTE)
    assert (sent_by_day(result), result.completed) == ([0, 5, 0, 0, 0], 5)


def test_unknown_mail_settles_when_the_setting_says(world: World):
    """XMIT_UNKNOWN_AFTER_HOURS."""
    sequence_id = left_unknown(world)
    plan = Plan(START + 2 * MINUTE, 5)
    result = forecast(world.store, sequence_id, plan, unknown_after=timedelta(hours=72))
    assert sent_by_day(result) == [0, 0, 0, 5, 0]
    assert any("72 hours" in sentence for sentence in result.assumptions)


@pytest.mark.parametrize(
    ("start", "rate", "days", "words"),
    [
        (datetime(9999, 12, 31, tzinfo=UTC), None, 366, "before 2100"),
        (datetime(1, 1, 1, tzinfo=UTC), None, 1, "the year 2000"),
        (START, 1_000_000, 366, "366,000,000"),
    ],
)
def test_what_no_memory_or_calendar_holds_is_refused(
    start: datetime, rate: int | None, days: int, words: str
):
    with pytest.raises(BadInput, match=words):
        Plan(start, days, rate=rate)


def test_a_draft_is_told_as_if_activated(world: World):
    """And what is told then happens."""
    world.domain(warmup_on=True, **curve(4, 9))
    draft_id = draft(world, filled_list(world, 14))
    result = told(world, draft_id)
    played = Played(world)
    with world.store.transaction() as connection:
        sequences.activate(connection, draft_id, START)
    played.tick_through(START, datetime.combine(START.date() + 5 * DAY, time(), UTC))
    assert Counter({(row.date, row.step_id): row.sent for row in result.rows if row.sent}) == played.sent(
        START
    )
    assert "activated" in " ".join(result.assumptions)


def test_a_draft_that_lacks_something_is_told_what(world: World):
    with pytest.raises(BadInput, match="no usable sender"):
        told(world, draft(world, None))


def test_a_list_at_a_rate_comes_in_evenly(world: World):
    """And what is told then happens, each person enrolled in their minute."""
    world.domain(warmup_on=True, **curve(3, 6))
    sequence_id, list_id = world.sequence((0, 1)), filled_list(world, 11)
    result = told(world, sequence_id, list_id=list_id, rate=5)
    played, reached = Played(world), START
    members = [row["id"] for row in world.rows("SELECT id FROM contact ORDER BY id")]
    for place, member in enumerate(members):
        moment = START + (place * 1440 // 5) * MINUTE
        played.tick_through(reached, moment)
        world.enroll(sequence_id, [member], moment)
        reached = moment
    played.tick_through(reached, datetime.combine(START.date() + 5 * DAY, time(), UTC))
    assert Counter({(row.date, row.step_id): row.sent for row in result.rows if row.sent}) == played.sent(
        START
    )


def test_newcomers_at_a_rate_are_added(world: World):
    world.domain()
    assert sent_by_day(told(world, world.sequence(), days=3, rate=24))[1:] == [24, 24]


def test_a_list_tells_who_would_be_passed_over(world: World):
    world.domain()
    sequence_id, list_id = world.sequence(), filled_list(world, 6)
    with world.store.transaction() as connection:
        suppressions.suppress(
            connection, "member2@example.net", SuppressionReason.MANUAL, START, source="test"
        )
    result = told(world, sequence_id, list_id=list_id)
    assert (result.enrolled.enrolled, result.enrolled.skipped_reasons) == (5, {"suppressed": 1})


def test_a_paused_sequence_is_told_as_if_resumed(world: World):
    world.domain()
    sequence_id = world.sequence()
    world.enroll(sequence_id, world.people(6))
    with world.store.transaction() as connection:
        sequences.pause(connection, sequence_id, START)
    assert sum(sent_by_day(told(world, sequence_id, START + DAY))) == 6


def test_an_archived_sequence_has_no_future(world: World):
    world.domain()
    sequence_id = world.sequence()
    with world.store.transaction() as connection:
        sequences.archive(connection, sequence_id, START)
    with pytest.raises(Conflict, match="archived"):
        told(world, sequence_id)


def test_the_end_and_the_bottleneck_are_named(world: World):
    world.domain("slow.example", warmup_on=True, pacing=False, hold_target=True, **curve(2, 2))
    sequence_id = world.sequence((0,))
    world.enroll(sequence_id, world.people(5))
    result = told(world, sequence_id)
    assert sent_by_day(result) == [2, 2, 1, 0, 0]
    assert result.finishes_at == datetime(2026, 3, 4, tzinfo=UTC)
    assert result.bottleneck is not None
    assert (result.bottleneck.domain, result.bottleneck.nights) == ("slow.example", 3 + 1)


def test_the_places_already_taken_today_are_gone(world: World):
    world.domain(warmup_on=True, pacing=False, **curve(5, 5))
    world.enroll(world.sequence(name="First"), world.people(3))
    world.tick(START)
    second = world.sequence(name="Second")
    world.enroll(second, world.people(4, prefix="other"))
    assert sent_by_day(told(world, second, days=2)) == [2, 2]


def test_other_sequences_on_the_domain_take_their_turn(world: World):
    world.domain(warmup_on=True, pacing=False, hold_target=True, **curve(4, 4))
    first, second = world.sequence(name="First"), world.sequence(name="Second")
    world.enroll(first, world.people(4))
    world.enroll(second, world.people(4, prefix="other"))
    result = told(world, first, days=2)
    assert (sent_by_day(result), result.others) == ([2, 2], {"Second": 4})


def test_a_wall_is_named_and_not_the_domain(world: World):
    world.domain()
    sequence_id = world.sequence()
    world.enroll(sequence_id, world.people(3))
    world.change("UPDATE step SET held_at = $now", now=START)
    result = told(world, sequence_id, days=1)
    assert (result.walls, result.bottleneck, result.finishes_at) == ({"step_held": 3}, None, None)


def test_unknown_mail_counts_as_sent_and_goes_on(world: World):
    world.domain()
    sequence_id = world.sequence((0, 0))
    world.enroll(sequence_id, world.people(3))
    world.faults({"kind": "reset", "when": "after"})
    world.tick(START)
    assert sent_by_day(told(world, sequence_id, START + MINUTE, days=3)) == [0, 3, 0]


def test_a_reordered_sequence_sends_nothing_twice(world: World):
    world.domain()
    sequence_id = world.sequence((0, 1, 1))
    world.enroll(sequence_id, world.people(3))
    world.tick(START)
    with world.store.transaction() as connection:
        one, two, three = (step["id"] for step in steps.live_steps(connection, sequence_id))
        steps.reorder_steps(connection, sequence_id, [two, one, three], START)
    now = START + 2 * DAY
    world.tick(now)
    with world.store.transaction() as connection:
        steps.reorder_steps(connection, sequence_id, [two, three, one], now)
    assert sum(sent_by_day(told(world, sequence_id, now))) == world_to_come(world, now)


def world_to_come(world: World, now: datetime) -> int:
    """How many messages five days of real ticks still send."""
    before = len(world.rows("SELECT 1 FROM message WHERE state = 'sent'"))
    Played(world).tick_through(now, datetime.combine(now.date() + 5 * DAY, time(), UTC))
    return len(world.rows("SELECT 1 FROM message WHERE state = 'sent'")) - before


def test_a_forecast_leaves_the_store_untouched(world: World):
    world.domain(warmup_on=True, **curve(2, 9))
    draft_id = draft(world, filled_list(world, 9))
    tables = [
        row["table_name"] for row in world.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")
    ]
    before = {table: world.rows(f"FROM {table} ORDER BY ALL") for table in tables}
    told(world, draft_id)
    assert {table: world.rows(f"FROM {table} ORDER BY ALL") for table in tables} == before


@pytest.mark.parametrize("asked", [{"days": 0}, {"days": 367}, {"rate": 0}, {"rate": 10**7}])
def test_what_cant_be_played_is_refused(world: World, asked: dict[str, int]):
    world.domain()
    with pytest.raises(BadInput):
        told(world, world.sequence(), **asked)


def test_an_unknown_sequence_is_not_found(world: World):
    with pytest.raises(NotFound):
        told(world, UUID(int=1))
