"""The ledger of list triggers: a (list, contact) pair fires once, ever (SPEC 2, Triggers).

For what lands by file or from other pipelines, which may rewrite a whole list every night. Adding to a list by
API, dashboard or `xmit import` enrolls at once and is `store.lists`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import polars as pl

from xmit_pipeline.store.connection import Connection, Store, offered
from xmit_pipeline.store.enrollments import EnrollResult, enroll
from xmit_pipeline.store.lists import ENTER_LEDGER, JOIN_LIST, LEAVE_LEDGER, LEAVE_LIST, NEW_MEMBERS

SLICE = 50_000
"""Pairs a transaction moves: its turn stays well under a second."""

AWAIT_TICK = """
INSERT INTO list_firing (list_id, sequence_id, contact_id, seen_at)
SELECT $list_id, sequence.id, new_member.contact_id, $now
FROM sequence
CROSS JOIN new_member
WHERE sequence.trigger_list_id = $list_id AND sequence.trigger_type = 'list_add'
  AND sequence.status = 'active' AND sequence.deleted_at IS NULL
  AND (
    NOT EXISTS (
        SELECT 1 FROM list_ledger
        WHERE list_ledger.list_id = $list_id AND list_ledger.contact_id = new_member.contact_id)
    OR (sequence.reenroll AND EXISTS (
        SELECT 1 FROM enrollment
        WHERE enrollment.sequence_id = sequence.id AND enrollment.contact_id = new_member.contact_id)))
"""
"""Pairs never seen before; and those who are back on the list of a sequence that takes them again."""

FIRING = """
CREATE OR REPLACE TEMP TABLE firing AS
WITH first_come AS (
    SELECT list_firing.*,
        sequence.status = 'active' AND sequence.deleted_at IS NULL AND sequence.trigger_type = 'list_add'
            AND sequence.trigger_list_id = list_firing.list_id AS wanted
    FROM list_firing
    JOIN sequence ON sequence.id = list_firing.sequence_id AND sequence.status <> 'paused'
    LIMIT $limit
)
SELECT first_come.* EXCLUDE (wanted), list_ledger.left_at,
    first_come.wanted AND list_member.contact_id IS NOT NULL AS stands
FROM first_come
LEFT JOIN list_member
    ON list_member.list_id = first_come.list_id AND list_member.contact_id = first_come.contact_id
LEFT JOIN list_ledger
    ON list_ledger.list_id = first_come.list_id AND list_ledger.contact_id = first_come.contact_id
"""
"""Some that wait, of sequences that are not paused; `stands`: still on the list of a sequence it starts."""

ENROLLING = """
CREATE OR REPLACE TEMP TABLE enrolling AS SELECT sequence_id, contact_id, left_at FROM firing WHERE stands
"""

FIRED = """
DELETE FROM list_firing USING firing
WHERE list_firing.list_id = firing.list_id AND list_firing.sequence_id = firing.sequence_id
  AND list_firing.contact_id = firing.contact_id
"""

WAITS = """
SELECT EXISTS (
    SELECT 1 FROM list_firing JOIN sequence ON sequence.id = list_firing.sequence_id
    WHERE sequence.status = 'active')
"""

SOURCE = "feed"
"""What an enrollment by the ledger names as its source."""

WITHDRAWN = "withdrawn"
"""Why nothing came of a pair: it left the list, or its sequence ended or starts from another list by now."""


@dataclass(frozen=True, slots=True)
class Landed:
    """How many came onto a list, and how many enrollments of theirs are left to the next tick."""

    joined: int
    waiting: int


def land_on_list(connection: Connection, list_id: UUID, now: datetime) -> Landed:
    """Put everyone in the temporary table `joining (contact_id)` on a list.

    Who is there for the first time ever waits for the next tick, once for each sequence on the list that is active
    now; while there is none, the pair is only marked.
    """
    parameters = {"list_id": list_id, "now": now}
    connection.execute(NEW_MEMBERS, {"list_id": list_id})
    (waiting,) = connection.execute(AWAIT_TICK, parameters).fetchone() or (0,)
    connection.execute(ENTER_LEDGER, parameters)
    (joined,) = connection.execute(JOIN_LIST, parameters).fetchone() or (0,)
    return Landed(joined, waiting)


def leave_list(connection: Connection, list_id: UUID, contacts: pl.DataFrame, now: datetime) -> int:
    """Take everyone in `contacts` (`contact_id`: UUID text) off a list; answers how many were on it."""
    with offered(connection, "given_contact", contacts):
        connection.execute(LEAVE_LEDGER, {"list_id": list_id, "now": now})
        return len(connection.execute(LEAVE_LIST, {"list_id": list_id}).fetchall())


def ledger_waits(connection: Connection) -> bool:
    """Whether a tick would enroll somebody: cheap, for the schedule's look."""
    (waits,) = connection.execute(WAITS).fetchone() or (False,)
    return waits


def fire_ledger(connection: Connection, now: datetime, limit: int = SLICE) -> EnrollResult:
    """Enroll up to `limit` of the pairs that wait; an answer of nothing enrolled and nothing skipped: none waits.

    Those of a paused sequence go on waiting until it resumes. Beside the reasons of SPEC 3 there is `withdrawn`.
    """
    connection.execute(FIRING, {"limit": limit})
    connection.execute(FIRED)
    connection.execute(ENROLLING)
    (withdrawn,) = connection.execute("SELECT count(*) FROM firing WHERE NOT stands").fetchone() or (0,)
    result = enroll(connection, now, SOURCE)
    reasons = result.skipped_reasons | ({WITHDRAWN: withdrawn} if withdrawn else {})
    return EnrollResult(result.enrolled, reasons)


def fire_all(store: Store, now: datetime) -> EnrollResult:
    """Every pair that waits, in slices of one transaction each; for the start of a tick."""
    enrolled, reasons = 0, dict[str, int]()
    while True:
        with store.transaction() as connection:
            fired = fire_ledger(connection, now)
        if not fired.enrolled and not fired.skipped:
            return EnrollResult(enrolled, reasons)
        enrolled += fired.enrolled
        for reason, count in fired.skipped_reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
