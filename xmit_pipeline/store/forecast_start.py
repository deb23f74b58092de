"""How a forecast begins: what would happen at its first minute, on its throw-away store (SPEC 10).

A draft is activated and a paused sequence resumed; asked-for people are enrolled; open messages are taken to have
been sent where nobody knows, and to be due again where they never left.
"""

from datetime import datetime, timedelta
from uuid import UUID

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.store import sequences
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.enrollments import EnrollResult, enroll
from xmit_pipeline.store.progress import advance

UNKNOWN_PASSED = """
CREATE OR REPLACE TEMP TABLE passed AS
SELECT enrollment.id AS enrollment_id, message.step_id, coalesce(message.sent_at, message.created_at) AS at
FROM enrollment JOIN message ON message.id = enrollment.message_id
WHERE message.state = 'unknown' AND enrollment.status IN ('active', 'paused')
"""

NOT_BEFORE_SETTLED = """
UPDATE enrollment SET not_before = passed.at + to_seconds($after)
FROM passed
WHERE enrollment.id = passed.enrollment_id
  AND greatest(enrollment.due_at, enrollment.not_before) < passed.at + to_seconds($after)
"""

CLAIMED_RELEASED = """
UPDATE enrollment SET due_at = message.due_at
FROM message
WHERE message.id = enrollment.message_id AND message.state = 'claimed' AND enrollment.status IN ('active', 'paused')
"""

ENROLLING_MEMBERS = """
CREATE OR REPLACE TEMP TABLE enrolling AS
SELECT $sequence_id::UUID AS sequence_id, contact_id, NULL::TIMESTAMPTZ AS left_at
FROM list_member WHERE list_id = $list_id
"""

NEWCOMERS = """
INSERT INTO contact (id, email, metadata, status, created_at, updated_at)
SELECT uuidv7(), 'newcomer' || i || '@forecast.invalid', '{}', 'active', $now, $now FROM range($people) AS series(i)
"""

ENROLLING_NEWCOMERS = """
CREATE OR REPLACE TEMP TABLE enrolling AS
SELECT $sequence_id::UUID AS sequence_id, id AS contact_id, NULL::TIMESTAMPTZ AS left_at
FROM contact WHERE email LIKE 'newcomer%@forecast.invalid'
"""

COME_IN_TURN = """
UPDATE enrollment SET enrolled_at = enrollment.enrolled_at + turn.later, due_at = enrollment.due_at + turn.later
FROM (
    SELECT id, to_minutes((row_number() OVER (ORDER BY id) - 1) * 1440 // $rate) AS later
    FROM enrollment WHERE source = $source
) AS turn
WHERE enrollment.id = turn.id
"""

SOURCE = "forecast"


def settle_open(connection: Connection) -> None:
    """What is unknown counts as sent when it was posted; what was only claimed is due as before."""
    connection.execute(CLAIMED_RELEASED)
    connection.execute(UNKNOWN_PASSED)
    advance(connection)


def wait_for_settlement(connection: Connection, unknown_after: timedelta) -> None:
    """Whose mail was unknown gets nothing more until the policy has decided about it, resumed or not (SPEC 6.6)."""
    connection.execute(NOT_BEFORE_SETTLED, {"after": unknown_after.total_seconds()})


def start_sequence(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Activate a draft, with its list's members, or resume a paused sequence. BadInput where it lacks something."""
    match sequences.get_sequence(connection, sequence_id)["status"]:
        case SequenceStatus.DRAFT:
            connection.execute(
                "UPDATE sequence SET enroll_existing = true WHERE id = $id", {"id": sequence_id}
            )
            sequences.activate(connection, sequence_id, now)
        case SequenceStatus.PAUSED:
            sequences.resume(connection, sequence_id, now)
        case SequenceStatus.ARCHIVED:
            raise Conflict(
                "This sequence is archived: it will never send again, so there is nothing to forecast."
            )
        case _:
            pass


def enroll_members(
    connection: Connection, sequence_id: UUID, list_id: UUID, now: datetime, rate: int | None
) -> EnrollResult:
    """Enroll a list's members at once, or so many a day evenly."""
    connection.execute(ENROLLING_MEMBERS, {"sequence_id": sequence_id, "list_id": list_id})
    return _enroll(connection, now, rate)


def enroll_newcomers(
    connection: Connection, sequence_id: UUID, now: datetime, rate: int, days: int
) -> EnrollResult:
    """Enroll so many people a day whom nobody knows yet, evenly, for so many days."""
    connection.execute(NEWCOMERS, {"now": now, "people": rate * days})
    connection.execute(ENROLLING_NEWCOMERS, {"sequence_id": sequence_id})
    return _enroll(connection, now, rate)


def _enroll(connection: Connection, now: datetime, rate: int | None) -> EnrollResult:
    result = enroll(connection, now, SOURCE)
    if rate:
        connection.execute(COME_IN_TURN, {"rate": rate, "source": SOURCE})
    return result
