"""What must hold after every tick, as queries that find nobody (SPEC 6.8, PAINS A12, H4, C11)."""

from xmit_pipeline.store.connection import Connection

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
    "a message was never posted again while it may have been taken": """
        SELECT count(*) FROM (
            SELECT 1 FROM message
            JOIN attempt ON attempt.message_id = message.id AND NOT attempt.withdrawn
            JOIN request ON request.id = attempt.request_id
                AND request.state IN ('claimed', 'inflight', 'accepted', 'unknown')
            GROUP BY message.id
            HAVING count(*) > 1 + any_value(message.resends) + CASE WHEN any_value(message.accepted_twice)
                THEN greatest(1, count(*) FILTER (request.decided = 'proved_late')) ELSE 0 END)
    """,
    "one contact per address": """
        SELECT count(*) FROM (
            SELECT 1 FROM contact WHERE email IS NOT NULL GROUP BY email HAVING count(*) > 1)
    """,
    "a domain keeps within its warmup day": """
        SELECT count(*) FROM (
            SELECT 1 FROM request
            GROUP BY domain_id, quota_day
            HAVING sum(size) FILTER (state IN ('claimed', 'inflight', 'accepted', 'unknown')
                    AND decided IS DISTINCT FROM 'proved_late') > max(day_limit)
               AND count(*) = count(day_limit))
    """,
    "unique is at most delivered, and delivered at most sent": """
        SELECT count(*) FROM step_metric
        WHERE greatest(unique_opens, human_opens, unique_clicks, human_clicks, complaints, unsubscribes) > delivered
           OR greatest(delivered, bounces, blocked, dropped) > sent
           OR unique_opens > opens OR unique_clicks > clicks
    """,
}


def breaches(connection: Connection) -> dict[str, int]:
    """Each rule that is broken, and how often; empty when all hold."""
    found = {rule: breach_count(connection, rule) for rule in BREACHES}
    return {rule: count for rule, count in found.items() if count}


def breach_count(connection: Connection, rule: str) -> int:
    """How often one rule is broken."""
    (count,) = connection.execute(BREACHES[rule]).fetchone() or (0,)
    return count
