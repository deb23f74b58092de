"""Enrollments as the dashboard lists them: by status, reason and search; and whom one could enroll."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.keyset import Cut, Mark, cut_rows
from xmit_pipeline.store.searching import FOUND_BY_TEXT
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS

MOST_FOUND = 20

FOUND = """
SELECT id, enrolled_at AS at FROM enrollment
WHERE sequence_id = $sequence_id
  AND ($status::VARCHAR IS NULL OR status = $status)
  AND ($reason::VARCHAR IS NULL OR exit_reason = $reason)
"""

OF_SOME = f"""
  AND contact_id IN (
    SELECT id FROM contact
    WHERE {FOUND_BY_TEXT})
"""  # noqa: S608  (our own condition)

SHOWN = """
SELECT enrollment.id, enrollment.status, enrollment.exit_reason, enrollment.due_at, enrollment.enrolled_at,
    contact.email, contact.first_name, contact.last_name, step.name AS step_name, message.state AS message_state
FROM shown
JOIN enrollment ON enrollment.id = shown.id
JOIN contact ON contact.id = enrollment.contact_id
LEFT JOIN step ON step.id = enrollment.step_id
LEFT JOIN message ON message.id = enrollment.message_id
"""

REASONS = """
SELECT exit_reason, count(*) AS people FROM enrollment
WHERE sequence_id = $id AND exit_reason IS NOT NULL
GROUP BY exit_reason ORDER BY people DESC, exit_reason
"""

TO_ENROLL = f"""
SELECT id, email, first_name, last_name, status FROM contact
WHERE deleted_at IS NULL
  AND {FOUND_BY_TEXT}
ORDER BY email = lower($q) DESC, email
LIMIT $most
"""  # noqa: S608  (our own condition)

BEEN = """
SELECT enrollment.contact_id, arg_max(enrollment.id, enrolled_at) AS enrollment_id,
    arg_max(enrollment.status, enrolled_at) AS been
FROM (SELECT unnest($contact_ids::UUID[]) AS id) AS asked
JOIN enrollment ON enrollment.contact_id = asked.id
WHERE enrollment.sequence_id = $id
GROUP BY enrollment.contact_id
"""

SUPPRESSED = f"""
SELECT suppressed.email FROM (SELECT unnest($emails::VARCHAR[]) AS email) AS asked
JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = asked.email
"""  # noqa: S608  (a constant subquery)


def enrollments_cut(
    connection: Connection,
    sequence_id: UUID,
    *,
    status: str | None,
    reason: str | None,
    q: str | None,
    mark: Mark | None,
) -> Cut:
    """A page of a sequence's enrollments with the person, the step waited for, and its message's state."""
    asked: dict[str, Any] = {"sequence_id": sequence_id, "status": status, "reason": reason}
    if q is None:
        return cut_rows(connection, FOUND, SHOWN, asked, mark)
    return cut_rows(connection, FOUND + OF_SOME, SHOWN, {**asked, "q": q}, mark)


def exit_reasons(connection: Connection, sequence_id: UUID) -> dict[str, int]:
    """Why people left a sequence, the most frequent first."""
    return dict(connection.execute(REASONS, {"id": sequence_id}).fetchall())


def contact_at(connection: Connection, email: str) -> UUID | None:
    """The contact with this folded address."""
    row = connection.execute(
        "SELECT id FROM contact WHERE email = $email AND deleted_at IS NULL", {"email": email}
    ).fetchone()
    return row[0] if row else None


def contacts_to_enroll(
    connection: Connection, sequence_id: UUID, q: str, now: datetime
) -> list[dict[str, Any]]:
    """The first contacts with this text in address or name: `suppressed`, and their last time in the sequence.

    One over `MOST_FOUND` says that there are more.
    """
    found = rows_as_dicts(connection, TO_ENROLL, {"q": q, "most": MOST_FOUND + 1})
    asked = {"id": sequence_id, "contact_ids": [row["id"] for row in found]}
    been = {row["contact_id"]: row for row in rows_as_dicts(connection, BEEN, asked)}
    emails = {"emails": [row["email"] for row in found], "now": now}
    suppressed = {email for (email,) in connection.execute(SUPPRESSED, emails).fetchall()}
    return [
        {
            **row,
            "suppressed": row["email"] in suppressed,
            **been.get(row["id"], {"enrollment_id": None, "been": None}),
        }
        for row in found
    ]
