"""What must hold after every tick, as queries that find nobody (SPEC 6.8, PAINS A12, H4, C11)."""

from datetime import datetime

from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.warmup import domain_days

BREACHES = {
    "one message per enrollment and step": """
        SELECT count(*) FROM (
            SELECT 1 FROM message GROUP BY enrollment_id, step_id HAVING count(*) > 1)
    """,
    "one enrollment per contact and sequence": """
        SELECT count(*) FROM (
            SELECT 1 FROM enrollment JOIN sequence ON sequence.id = enrollment.sequence_id AND NOT sequence.reenroll
            GROUP BY enrollment.sequence_id, enrollment.contact_id HAVING count(*) > 1)
    """,
    "an active enrollment is due or has an open message, never both": """
        SELECT count(*) FROM enrollment
        LEFT JOIN message ON message.id = enrollment.message_id AND message.state IN ('claimed', 'unknown')
        WHERE enrollment.status = 'active' AND (enrollment.due_at IS NULL) = (message.id IS NULL)
    """,
    "an ended enrollment owes nothing": """
        SELECT count(*) FROM enrollment JOIN message ON message.enrollment_id = enrollment.id
        WHERE enrollment.status IN ('completed', 'exited') AND message.state = 'waiting'
    """,
    "an open message stands in an open request": """
        SELECT count(*) FROM message JOIN request ON request.id = message.request_id
        WHERE (message.state = 'claimed' AND request.state NOT IN ('claimed', 'inflight'))
           OR (message.state = 'unknown' AND request.state <> 'unknown')
    """,
    "a sent message has an accepted request": """
        SELECT count(*) FROM message LEFT JOIN request ON request.id = message.request_id
        WHERE message.state = 'sent' AND request.state IS DISTINCT FROM 'accepted' AND NOT message.presumed
    """,
    "a request's size is the number of its attempts that stayed": """
        SELECT count(*) FROM request
        JOIN (SELECT request_id, count(*) FILTER (NOT withdrawn) AS stayed FROM attempt GROUP BY request_id) AS attempts
            ON attempts.request_id = request.id
        WHERE request.size <> attempts.stayed AND request.state <> 'released'
    """,
    "one contact per address": """
        SELECT count(*) FROM (
            SELECT 1 FROM contact WHERE email IS NOT NULL GROUP BY email HAVING count(*) > 1)
    """,
}


def breaches(connection: Connection, now: datetime) -> dict[str, int]:
    """Each rule that is broken, and how often; empty when all hold."""
    found = {rule: _count(connection, query) for rule, query in BREACHES.items()}
    for day in domain_days(connection, now):
        if day.limit is not None and day.used > day.limit:
            found[f"{day.name} keeps within its warmup day"] = day.used - day.limit
    return {rule: count for rule, count in found.items() if count}


def _count(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return row[0] if row else 0
