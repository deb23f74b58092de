"""`enrollExisting`: a first activation enrolls who is on the list, in turns short enough for everybody (SPEC 2).

A sequence remembers how far it has got, in the same transaction that enrolls: a death loses and repeats nothing.
"""

from datetime import datetime
from uuid import UUID

from xmit_pipeline.store.connection import Connection, Store
from xmit_pipeline.store.enrollments import EnrollResult, enroll

TURN = 50_000
"""Members a transaction enrolls."""

BEGIN = """
UPDATE sequence SET existing_after = '00000000-0000-0000-0000-000000000000'::UUID
WHERE id = $id AND trigger_type = 'list_add' AND enroll_existing
"""

NEXT_SEQUENCE = """
SELECT id FROM sequence
WHERE existing_after IS NOT NULL AND status = 'active' AND deleted_at IS NULL
ORDER BY activated_at, id
LIMIT 1
"""

NEXT_MEMBERS = """
CREATE OR REPLACE TEMP TABLE enrolling AS
SELECT sequence.id AS sequence_id, list_member.contact_id, NULL::TIMESTAMPTZ AS left_at
FROM sequence JOIN list_member ON list_member.list_id = sequence.trigger_list_id
WHERE sequence.id = $id AND list_member.contact_id > sequence.existing_after
  AND list_member.added_at <= sequence.activated_at
ORDER BY list_member.contact_id
LIMIT $turn
"""

REMEMBER = """
UPDATE sequence SET existing_after = (SELECT CASE WHEN count(*) = $turn THEN max(contact_id) END FROM enrolling)
WHERE id = $id
"""


def begin_existing(
    connection: Connection, sequence_id: UUID, now: datetime, turn: int = TURN
) -> EnrollResult:
    """The first turn, with the activation; where the list is longer, later ones go on by themselves."""
    (begun,) = connection.execute(BEGIN, {"id": sequence_id}).fetchone() or (0,)
    return _enroll_turn(connection, sequence_id, now, turn) if begun else EnrollResult(0, {})


def enroll_pending(connection: Connection, now: datetime, turn: int = TURN) -> EnrollResult | None:
    """One more turn of the activation that has waited longest; None where nothing is left to do.

    A paused sequence goes on when it resumes.
    """
    waiting = connection.execute(NEXT_SEQUENCE).fetchone()
    return _enroll_turn(connection, waiting[0], now, turn) if waiting else None


def enroll_all_pending(store: Store, now: datetime) -> int:
    """Every turn that is left, each a transaction of its own; for the start of a tick. Answers how many it enrolled."""
    enrolled = 0
    while True:
        with store.transaction() as connection:
            result = enroll_pending(connection, now)
        if result is None:
            return enrolled
        enrolled += result.enrolled


def _enroll_turn(connection: Connection, sequence_id: UUID, now: datetime, turn: int) -> EnrollResult:
    connection.execute(NEXT_MEMBERS, {"id": sequence_id, "turn": turn})
    connection.execute(REMEMBER, {"id": sequence_id, "turn": turn})
    return enroll(connection, now, "existing")
