"""Why a person has or has not got the next step: the facts about one enrollment (SPEC 10, `xmit explain`).

What the facts mean in sentences is `store.explain_words`; nothing here changes anything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.warmup import OVERDUE_AFTER
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.contact_gap import apart_until
from xmit_pipeline.store.explain_words import sentences_about
from xmit_pipeline.store.frontier import NO_GAP, NO_LIMIT, STEP_SENDERS, plan
from xmit_pipeline.store.suppressions import suppressions_of
from xmit_pipeline.store.ticks import last_tick
from xmit_pipeline.store.warmup import DomainDay, domain_days

Facts = dict[str, Any]

ENROLLMENT = """
SELECT enrollment.id, enrollment.sequence_id, enrollment.contact_id, enrollment.status, enrollment.exit_reason,
    enrollment.source, enrollment.enrolled_at, enrollment.ended_at, enrollment.due_at, enrollment.not_before,
    enrollment.last_sent_at,
    sequence.name AS sequence_name, sequence.status AS sequence_status, sequence.paused_at,
    contact.email, contact.status AS contact_status, contact.deleted_at AS contact_deleted_at,
    step.id AS step_id, step.name AS step_name, step.held_at AS step_held_at, step.hold_reason AS step_hold_reason,
    (SELECT count(*) FROM step AS live
     WHERE live.sequence_id = step.sequence_id AND live.deleted_at IS NULL AND live.position <= step.position
    ) AS step_number,
    sender.email AS sender_email, sender.held_at AS sender_held_at, sender.hold_reason AS sender_hold_reason,
    step_sender.wall, step_sender.domain_id
FROM enrollment
JOIN sequence ON sequence.id = enrollment.sequence_id
JOIN contact ON contact.id = enrollment.contact_id
LEFT JOIN step ON step.id = enrollment.step_id
LEFT JOIN step_sender ON step_sender.step_id = step.id
LEFT JOIN sender ON sender.id = step_sender.sender_id
WHERE enrollment.id = $id
"""

MESSAGES = """
SELECT message.id, message.step_id, step.name AS step_name, message.email, message.state, message.reason,
    message.words, message.presumed, message.due_at, message.created_at, message.sent_at, message.settled_at
FROM message JOIN step ON step.id = message.step_id
WHERE message.enrollment_id = $id
ORDER BY message.created_at, message.id
"""

ATTEMPTS = """
SELECT attempt.message_id, attempt.withdrawn, request.id AS request_id, request.state, request.created_at,
    request.posted_at, request.status_code, request.provider_id, request.words
FROM attempt JOIN request ON request.id = attempt.request_id
WHERE attempt.message_id IN (SELECT id FROM message WHERE enrollment_id = $id)
ORDER BY request.created_at, request.id
"""

EVENTS = """
SELECT message_id, kind, happened_at,
    coalesce(reason, response) AS words
FROM event
WHERE message_id IN (SELECT id FROM message WHERE enrollment_id = $id)
ORDER BY happened_at, kind
"""

IN_LINE = """
SELECT
    EXISTS (SELECT 1 FROM picked WHERE enrollment_id = $id) AS goes_next,
    count(*) FILTER ((due.due_at, due.enrollment_id) < (mine.due_at, mine.enrollment_id)) AS ahead
FROM due
JOIN (FROM due WHERE enrollment_id = $id) AS mine ON mine.sequence_id = due.sequence_id
WHERE NOT EXISTS (SELECT 1 FROM picked WHERE picked.enrollment_id = due.enrollment_id)
"""

CIRCUIT = "SELECT words, opened_at, probe_at FROM circuit WHERE closed_at IS NULL ORDER BY opened_at LIMIT 1"

OF_ADDRESS = """
SELECT enrollment.id FROM enrollment JOIN contact ON contact.id = enrollment.contact_id
WHERE contact.email = $email
ORDER BY enrollment.enrolled_at DESC, enrollment.id DESC
"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`facts` as they stand in the store (UUIDs, UTC times), and the sentences that they come to."""

    facts: Facts
    sentences: list[str]


def explain(
    connection: Connection,
    enrollment_id: UUID,
    now: datetime,
    unknown_after: timedelta,
    gap: timedelta = NO_GAP,
) -> Explanation:
    """Everything known about one person's way through one sequence. NotFound where there is no such enrollment.

    `gap`: how far two mails to one person keep apart.
    """
    connection.execute(STEP_SENDERS)
    rows = rows_as_dicts(connection, ENROLLMENT, {"id": enrollment_id})
    if not rows:
        raise NotFound("There is no such enrollment.")
    facts = rows[0]
    facts["explained_at"] = now
    facts["messages"] = _messages(connection, enrollment_id)
    facts["suppressions"] = suppressions_of(connection, facts["email"], now) if facts["email"] else []
    facts["circuit"] = next(iter(rows_as_dicts(connection, CIRCUIT)), None)
    tick = last_tick(connection)
    facts["last_tick_at"] = tick["moment"] if tick else None
    facts.update(_waiting(connection, facts, now, gap))
    return Explanation(facts, sentences_about(facts, unknown_after))


def enrollments_of_address(connection: Connection, email: str) -> list[UUID]:
    """Every enrollment of the person with this folded address, newest first. NotFound where there is none."""
    found = [row[0] for row in connection.execute(OF_ADDRESS, {"email": email}).fetchall()]
    if not found:
        raise NotFound(f"Nobody with the address {email} has ever been enrolled.")
    return found


def _messages(connection: Connection, enrollment_id: UUID) -> list[Facts]:
    messages = rows_as_dicts(connection, MESSAGES, {"id": enrollment_id})
    attempts = rows_as_dicts(connection, ATTEMPTS, {"id": enrollment_id})
    events = rows_as_dicts(connection, EVENTS, {"id": enrollment_id})
    return [
        {
            **message,
            "attempts": [row for row in attempts if row["message_id"] == message["id"]],
            "events": [row for row in events if row["message_id"] == message["id"]],
        }
        for message in messages
    ]


def _waiting(connection: Connection, facts: Facts, now: datetime, gap: timedelta) -> Facts:
    """What an active enrollment waits for: `goes_next`, `ahead`, `wall`, `earliest_at`, the `domain`'s day."""
    waiting: Facts = {"goes_next": False, "ahead": None, "earliest_at": None, "domain": None}
    days = {day.domain_id: day for day in domain_days(connection, now)}
    day = days.get(facts["domain_id"])
    if day is not None:
        waiting["domain"] = _domain(day)
    if facts["status"] != "active" or facts["due_at"] is None:
        return {**waiting, "wall": None}
    may_go_from = max(facts["due_at"], facts["not_before"] or facts["due_at"])
    if may_go_from > now:
        return {**waiting, "wall": None, "earliest_at": may_go_from}
    if facts["wall"] is None and (until := apart_until(connection, facts["contact_id"], now, gap)):
        return {**waiting, "wall": "contact_gap", "earliest_at": until}
    if facts["wall"] is None and day is not None and day.limit is None:
        return {**waiting, "wall": None, "goes_next": True, "earliest_at": now}
    plan(connection, now, NO_LIMIT)
    goes_next, ahead = connection.execute(IN_LINE, {"id": facts["id"]}).fetchone() or (False, 0)
    wall, earliest = facts["wall"], None
    if wall is None and not goes_next and day is not None:
        overdue = facts["due_at"] < now - OVERDUE_AFTER
        wall = "warmup_pace" if day.left and day.pacing and overdue else "warmup_day"
        earliest = day.frees_at(now)
    return {
        **waiting,
        "wall": wall,
        "goes_next": goes_next,
        "ahead": None if goes_next else ahead,
        "earliest_at": now if goes_next else earliest,
    }


def _domain(day: DomainDay) -> Facts:
    return {
        "name": day.name,
        "warmup": day.state,
        "day": day.day,
        "limit": day.limit,
        "used": day.used,
        "left": day.left,
        "pause_reason": day.pause_reason,
    }
