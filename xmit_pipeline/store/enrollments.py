"""Enrollments: one contact's way through one sequence, once ever unless it re-enrolls (SPEC 3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import Conflict, NotFound
from xmit_pipeline.model.lifecycle import EnrollmentStatus
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.progress import exit_enrollments
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS, expire_suppressions

VERDICTS = f"""
CREATE OR REPLACE TEMP TABLE verdict AS
SELECT
    candidate.sequence_id,
    candidate.contact_id,
    CASE
        WHEN contact.id IS NULL THEN 'not_found'
        WHEN candidate.repeated THEN 'duplicate'
        WHEN been.is_open OR NOT been.reenroll OR coalesce(candidate.left_at, '-infinity') < been.enrolled_at
            THEN 'already_enrolled'
        WHEN contact.status <> 'active' THEN 'inactive'
        WHEN suppressed.email IS NOT NULL THEN 'suppressed'
        ELSE 'enrolled'
    END AS verdict
FROM (
    SELECT sequence_id, contact_id, left_at,
        row_number() OVER (PARTITION BY sequence_id, contact_id) > 1 AND contact_id IS NOT NULL AS repeated
    FROM enrolling
) AS candidate
LEFT JOIN contact ON contact.id = candidate.contact_id AND contact.deleted_at IS NULL
LEFT JOIN (
    SELECT enrollment.sequence_id, enrollment.contact_id, any_value(sequence.reenroll) AS reenroll,
        bool_or(enrollment.status IN ('active', 'paused')) AS is_open, max(enrollment.enrolled_at) AS enrolled_at
    FROM enrollment JOIN sequence ON sequence.id = enrollment.sequence_id
    WHERE enrollment.sequence_id IN (SELECT sequence_id FROM enrolling)
      AND enrollment.contact_id IN (SELECT contact_id FROM enrolling)
    GROUP BY enrollment.sequence_id, enrollment.contact_id
) AS been ON been.sequence_id = candidate.sequence_id AND been.contact_id = candidate.contact_id
LEFT JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = contact.email
"""  # noqa: S608  (a constant subquery)

ENROLL = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, source, step_id, due_at, enrolled_at)
SELECT uuidv7(), verdict.sequence_id, verdict.contact_id, 'active', $source, first.step_id,
    date_trunc('minute', $now::TIMESTAMPTZ) + to_minutes(first.delay_minutes), $now
FROM verdict
JOIN (
    SELECT sequence_id, arg_min(id, position) AS step_id, arg_min(delay_minutes, position) AS delay_minutes
    FROM step WHERE deleted_at IS NULL GROUP BY sequence_id
) AS first ON first.sequence_id = verdict.sequence_id
WHERE verdict.verdict = 'enrolled'
"""

PAGE = """
WITH found AS (
    SELECT id, enrolled_at FROM enrollment
    WHERE sequence_id = $sequence_id AND ($status::VARCHAR IS NULL OR status = $status)
),
shown AS (
    FROM found ORDER BY enrolled_at DESC, id DESC LIMIT $limit OFFSET $offset
)
SELECT enrollment.*, contact.email, contact.first_name, contact.last_name, step.name AS step_name,
    (SELECT count(*) FROM found) AS total
FROM shown
JOIN enrollment ON enrollment.id = shown.id
JOIN contact ON contact.id = enrollment.contact_id
LEFT JOIN step ON step.id = enrollment.step_id
ORDER BY shown.enrolled_at DESC, shown.id DESC
"""
"""Ids first, the page's rows after: joining and sorting a million whole rows takes thirty times as long."""


@dataclass(frozen=True, slots=True)
class EnrollResult:
    """How many were enrolled, and how many were not, by reason (SPEC 3)."""

    enrolled: int
    skipped_reasons: dict[str, int]

    @property
    def skipped(self) -> int:
        return sum(self.skipped_reasons.values())


def enroll(connection: Connection, now: datetime, source: str) -> EnrollResult:
    """Enroll everyone in the temporary table `enrolling (sequence_id, contact_id, left_at)` who may be.

    Who has been in a sequence comes back where it re-enrolls, the last time is over, and `left_at` (null: never)
    lies after its beginning. The caller answers for the sequences being active.
    """
    enroll_by_verdict(connection, now, source)
    counts = dict(connection.execute("SELECT verdict, count(*) FROM verdict GROUP BY verdict").fetchall())
    return EnrollResult(counts.pop("enrolled", 0), counts)


def enroll_by_verdict(connection: Connection, now: datetime, source: str) -> None:
    """The same for who counts by themselves: everyone's verdict is in the temporary table `verdict`."""
    expire_suppressions(connection, now)
    connection.execute(VERDICTS, {"now": now})
    connection.execute(ENROLL, {"now": now, "source": source})


def exit_one(connection: Connection, sequence_id: UUID, enrollment_id: UUID, now: datetime) -> None:
    """A team member takes one person out."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE exiting AS
        SELECT id AS enrollment_id, message_id, due_at, 'manual' AS exit_reason, status
        FROM enrollment WHERE id = $id AND sequence_id = $sequence_id
        """,
        {"id": enrollment_id, "sequence_id": sequence_id},
    )
    found = connection.execute("SELECT status FROM exiting").fetchone()
    if found is None:
        raise NotFound("There is no such enrollment in this sequence.")
    if found[0] not in (EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED):
        raise Conflict(f"This enrollment is {found[0]}; only an active or paused one can exit.")
    exit_enrollments(connection, now)


def exit_sequence(connection: Connection, sequence_id: UUID, now: datetime) -> None:
    """Archiving: everyone active or paused exits as `archived`."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE exiting AS
        SELECT id AS enrollment_id, message_id, due_at, 'archived' AS exit_reason
        FROM enrollment WHERE sequence_id = $sequence_id AND status IN ('active', 'paused')
        """,
        {"sequence_id": sequence_id},
    )
    exit_enrollments(connection, now)


def page(
    connection: Connection, sequence_id: UUID, status: str | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """One page of a sequence's enrollments, newest first, and how many there are in all."""
    parameters = {"sequence_id": sequence_id, "status": status, "limit": limit, "offset": offset}
    rows = rows_as_dicts(connection, PAGE, parameters)
    if rows:
        return rows, rows[0]["total"]
    total = connection.execute(
        "SELECT count(*) FROM enrollment WHERE sequence_id = $sequence_id AND ($status IS NULL OR status = $status)",
        {"sequence_id": sequence_id, "status": status},
    ).fetchone()
    return [], total[0] if total else 0


def counts(connection: Connection, sequence_id: UUID) -> dict[str, int]:
    """How many of a sequence's enrollments are in each status; all four, zeros included."""
    found = dict(
        connection.execute(
            "SELECT status, count(*) FROM enrollment WHERE sequence_id = $id GROUP BY status",
            {"id": sequence_id},
        ).fetchall()
    )
    return {status.value: found.get(status.value, 0) for status in EnrollmentStatus}
