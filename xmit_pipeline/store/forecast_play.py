"""Moves of a forecast on its throw-away store: a tick's own choice where places are short, leaps where they are not.

People are numbers here, and times whole minutes since 1970: `traveller` is who stands where, `lane` a live step with
the domain that carries it. A traveller `goes` with the first tick that can claim them. Where the places of a domain
suffice for everybody up to a minute, each goes at their own, whatever the order: that stretch is one statement. From
the minute on at which they might not, `tick` chooses as `frontier.PICK` does (SPEC 4), which a property test holds.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from xmit_pipeline.model.warmup import OVERDUE_AFTER, next_hour, next_midnight
from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.warmup import capacity, domain_days, turn_of_day

PLAYED = "forecast"
"""The tick id of every request that a forecast writes."""
OVERDUE_MINUTES = OVERDUE_AFTER // timedelta(minutes=1)

LANES = """
CREATE OR REPLACE TEMP TABLE lane AS
SELECT row_number() OVER (ORDER BY step.id)::INTEGER AS lane, dense_rank() OVER (ORDER BY step.sequence_id) AS sequence,
    step.id AS step_id, step.sequence_id, step_sender.sender_id, step_sender.domain_id, step_sender.priority,
    step_sender.wall, step.position, step.delay_minutes AS delay
FROM step JOIN step_sender ON step_sender.step_id = step.id
"""

NEXT_LANES = """
CREATE OR REPLACE TEMP TABLE lane AS
SELECT *, lead(lane) OVER steps AS next_lane, lead(delay) OVER steps AS next_delay FROM lane
WINDOW steps AS (PARTITION BY sequence_id ORDER BY position)
"""

TRAVELLERS = """
CREATE OR REPLACE TEMP TABLE traveller AS
SELECT row_number() OVER (ORDER BY enrollment.id)::INTEGER AS traveller, lane.sequence, lane.lane,
    (epoch_us(enrollment.due_at) // 60000000)::INTEGER AS due,
    greatest(
        (epoch_us(greatest(enrollment.due_at, coalesce(enrollment.not_before, enrollment.due_at))) + 59999999)
            // 60000000,
        epoch_us(coalesce(enrollment.last_sent_at + INTERVAL 1 MINUTE, enrollment.due_at)) // 60000000
    )::INTEGER AS goes,
    NULL::INTEGER AS last_went,
    enrollment.id AS enrollment_id
FROM enrollment JOIN lane ON lane.step_id = enrollment.step_id
WHERE enrollment.status = 'active' AND enrollment.due_at IS NOT NULL
"""

SEEN = """
CREATE OR REPLACE TEMP TABLE seen AS
SELECT DISTINCT traveller.traveller, lane.lane
FROM message
JOIN traveller ON traveller.enrollment_id = message.enrollment_id
JOIN lane ON lane.step_id = message.step_id
JOIN sequence ON sequence.id = message.sequence_id AND sequence.reordered_at IS NOT NULL
"""
"""What people have had of a sequence whose steps changed places since: it is passed over (SPEC 2)."""

CHOSEN = """
CREATE OR REPLACE TEMP TABLE going AS
WITH waiting AS (
    SELECT traveller.traveller, traveller.sequence, traveller.lane, traveller.due, lane.domain_id, lane.priority,
        capacity.room, capacity.backlog_room, traveller.due < $now - $overdue_minutes AS overdue,
        traveller.due::BIGINT * 4294967296 + traveller.traveller AS place
    FROM traveller
    JOIN lane ON lane.lane = traveller.lane AND lane.wall IS NULL
    JOIN capacity ON capacity.domain_id = lane.domain_id
    WHERE traveller.goes <= $now AND (capacity.room IS NULL OR capacity.room > 0)
),
backlog AS (
    SELECT sequence, list_max(min(place, $most_backlog)) AS last_place,
        greatest(0, count(*) - $most_backlog) AS left_out
    FROM waiting
    WHERE overdue
    GROUP BY sequence
    HAVING count(DISTINCT domain_id) = 1 AND any_value(backlog_room) IS NOT NULL
),
taking_turns AS (
    SELECT waiting.*, row_number() OVER (PARTITION BY waiting.sequence ORDER BY waiting.place)
            + CASE WHEN waiting.overdue THEN 0 ELSE coalesce(backlog.left_out, 0) END AS turn
    FROM waiting LEFT JOIN backlog ON backlog.sequence = waiting.sequence
    WHERE NOT waiting.overdue OR waiting.place <= coalesce(backlog.last_place, waiting.place)
),
within_pace AS (
    SELECT * FROM taking_turns
    QUALIFY backlog_room IS NULL OR NOT overdue OR backlog_room >= row_number() OVER (
        PARTITION BY domain_id, overdue ORDER BY priority, turn, place)
)
SELECT traveller, lane, $now AS goes, overdue FROM within_pace
QUALIFY room IS NULL OR room >= row_number() OVER (PARTITION BY domain_id ORDER BY priority, turn, place)
"""
"""`frontier.PICK`, over numbers. Of a sequence's backlog on one domain no more than its places can be chosen: the
others are left out before the sorting, and counted where they stand before somebody who is not.
"""

PLACES = (
    "CREATE OR REPLACE TEMP TABLE capacity AS SELECT * REPLACE (domain_id::UUID AS domain_id) FROM places"
)

WAITS_FOR_THE_HOUR = """
SELECT EXISTS (
    SELECT 1 FROM traveller
    JOIN lane ON lane.lane = traveller.lane AND lane.wall IS NULL
    JOIN capacity ON capacity.domain_id = lane.domain_id AND capacity.room > 0
    WHERE traveller.goes <= $now)
"""

ARRIVALS = """
CREATE OR REPLACE TEMP TABLE arrival AS
SELECT traveller.traveller, traveller.lane, traveller.goes, lane.sequence_id, lane.domain_id,
    traveller.due < traveller.goes - $overdue_minutes AS overdue, capacity.room, capacity.backlog_room
FROM traveller
JOIN lane ON lane.lane = traveller.lane AND lane.wall IS NULL
JOIN capacity ON capacity.domain_id = lane.domain_id AND (capacity.room IS NULL OR capacity.room > 0)
WHERE traveller.goes > $now AND traveller.goes < $until
"""
"""Everyone whose first tick lies between; those who wait for places already are not among them."""

STOPS = """
WITH chain AS (
    SELECT lane.sequence_id, count(*) AS steps, min(lane.delay) AS shortest
    FROM lane JOIN capacity ON capacity.domain_id = lane.domain_id
    GROUP BY lane.sequence_id
    HAVING bool_or(capacity.room IS NOT NULL)
),
arrived AS (
    SELECT goes, room, overdue AND backlog_room < room AS held_back,
        count(*) OVER (PARTITION BY domain_id ORDER BY goes RANGE UNBOUNDED PRECEDING) AS people
    FROM arrival WHERE room IS NOT NULL
),
owed AS (
    SELECT arrival.goes, arrival.goes + greatest(1, chain.shortest) AS follows,
        sum(chain.steps) OVER (ORDER BY arrival.goes RANGE UNBOUNDED PRECEDING) AS mail
    FROM arrival JOIN chain ON chain.sequence_id = arrival.sequence_id
),
short AS (
    SELECT min(goes) FILTER (mail > (SELECT min(room) FROM capacity WHERE room > 0)) AS goes,
        min(follows) AS follows
    FROM owed
)
SELECT (SELECT min(goes) FROM arrived WHERE people > room OR held_back),
    (SELECT CASE WHEN goes IS NOT NULL THEN greatest(goes, follows) END FROM short)
"""
"""The first minute at which the places of a domain do not suffice for who has arrived. And the first at which they
might not, once these people's next steps come due too: not before all that they are owed exceeds the places, and
not before the first of those steps can be due.
"""

LEAPING = """
CREATE OR REPLACE TEMP TABLE going AS SELECT traveller, lane, goes, overdue FROM arrival WHERE goes < $stop
"""

POST = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    created_at)
SELECT uuidv7(), $played, lane.sequence_id, lane.step_id, lane.sender_id, lane.domain_id, 'accepted', going.people,
    going.overdue, make_timestamptz(going.minute::BIGINT * 60000000)::DATE,
    make_timestamptz(going.minute::BIGINT * 60000000)
FROM (
    SELECT lane, count(*) AS people, count(*) FILTER (overdue) AS overdue, min(goes) AS minute FROM going GROUP BY lane
) AS going
JOIN lane ON lane.lane = going.lane
"""
"""The places that they take; all of them go on one UTC day."""

ADVANCE = """
UPDATE traveller SET lane = lane.next_lane, due = going.goes + lane.next_delay,
    goes = going.goes + greatest(1, lane.next_delay), last_went = going.goes
FROM going JOIN lane ON lane.lane = going.lane
WHERE traveller.traveller = going.traveller
"""
"""On to the next live step; a delay of 0 means the next tick."""

SKIP_SEEN = """
UPDATE traveller SET lane = lane.next_lane, due = traveller.last_went + lane.next_delay,
    goes = traveller.last_went + greatest(1, lane.next_delay)
FROM seen JOIN lane ON lane.lane = seen.lane
WHERE traveller.traveller = seen.traveller AND traveller.lane = seen.lane AND traveller.last_went IS NOT NULL
"""

WAITING = """
SELECT lane.sequence_id, lane.step_id, lane.domain_id, lane.wall, count(*) AS people
FROM traveller JOIN lane ON lane.lane = traveller.lane
WHERE traveller.goes < $until
GROUP BY ALL
"""

SENT = """
SELECT quota_day AS day, sequence_id, step_id, sum(size)::BIGINT AS sent FROM request
WHERE tick_id = $played
GROUP BY quota_day, sequence_id, step_id
"""

WAYS = """
SELECT count(*) FILTER (traveller.lane IS NULL) AS completed, count(traveller.lane) AS active,
    max(traveller.last_went) FILTER (traveller.lane IS NULL) AS last_went
FROM traveller JOIN (SELECT DISTINCT sequence, sequence_id FROM lane) AS lane ON lane.sequence = traveller.sequence
WHERE lane.sequence_id = $sequence_id
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who is due on a step and still waits: for the places of a domain, or before a wall."""

    sequence_id: UUID
    step_id: UUID
    domain_id: UUID | None
    wall: str | None
    people: int


@dataclass(frozen=True, slots=True)
class SentOnDay:
    """How many messages of one step would go on one UTC day."""

    day: date
    sequence_id: UUID
    step_id: UUID
    sent: int


@dataclass(frozen=True, slots=True)
class Ways:
    """How far the people of a sequence have come; `last_ended_at`: when the last of those through got their last."""

    completed: int
    active: int
    last_ended_at: datetime | None


def board(connection: Connection) -> None:
    """Everyone active takes their place; for the start, once all enrolling is done."""
    connection.execute(STEP_SENDERS)
    connection.execute(LANES)
    connection.execute(NEXT_LANES)
    connection.execute(TRAVELLERS)
    connection.execute(SEEN)


def tick(connection: Connection, now: datetime) -> datetime:
    """Let everyone go whom a tick would take; answers until when nobody who waits can move.

    That is the next UTC midnight, or the next full hour where pacing holds somebody.
    """
    turn_of_day(connection, now)
    minute = {"now": _minute(now)}
    most = _count_places(connection, now)
    connection.execute(CHOSEN, {**minute, "overdue_minutes": OVERDUE_MINUTES, "most_backlog": most})
    _send(connection, now)
    (paced,) = connection.execute(WAITS_FOR_THE_HOUR, minute).fetchone() or (False,)
    return next_hour(now) if paced else next_midnight(now)


def leap(connection: Connection, now: datetime, until: datetime) -> tuple[int, datetime]:
    """After a tick, on the same day: let those go whose first tick lies between, up to where places may be short.

    Answers how many went, and up to when (exclusive) nothing stood in anybody's way.
    """
    span = {"now": _minute(now), "until": _minute(until)}
    connection.execute(ARRIVALS, {**span, "overdue_minutes": OVERDUE_MINUTES})
    stops = connection.execute(STOPS).fetchone() or ()
    stop = min(minute for minute in (*stops, _minute(until)) if minute is not None)
    connection.execute(LEAPING, {"stop": stop})
    return _send(connection, now), _moment(stop)


def waiting(connection: Connection, until: datetime) -> list[Waiting]:
    """Everyone who could have gone before a moment, had there been places, and is still there."""
    return [Waiting(**row) for row in rows_as_dicts(connection, WAITING, {"until": _minute(until)})]


def sent_by_day(connection: Connection) -> list[SentOnDay]:
    """What went in this forecast, by UTC day and step."""
    return [SentOnDay(**row) for row in rows_as_dicts(connection, SENT, {"played": PLAYED})]


def ways(connection: Connection, sequence_id: UUID) -> Ways:
    """How far everybody in a sequence has come by now."""
    completed, active, last = connection.execute(WAYS, {"sequence_id": sequence_id}).fetchone() or (
        0,
        0,
        None,
    )
    return Ways(completed, active, None if last is None else _moment(last))


def _count_places(connection: Connection, now: datetime) -> int:
    """The places of each domain as `capacity`; answers the most that any has for a backlog."""
    places = capacity(domain_days(connection, now))
    with offered(connection, "places", places):
        connection.execute(PLACES)
    return max((room for room in places["backlog_room"] if room), default=1)


def _send(connection: Connection, now: datetime) -> int:
    """Everyone in `going` goes, and what is left of the places is counted anew; answers how many went."""
    (people,) = connection.execute("SELECT count(*) FROM going").fetchone() or (0,)
    if people:
        connection.execute(POST, {"played": PLAYED})
        connection.execute(ADVANCE)
        while (connection.execute(SKIP_SEEN).fetchone() or (0,))[0]:
            pass
        _count_places(connection, now)
    return people


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
