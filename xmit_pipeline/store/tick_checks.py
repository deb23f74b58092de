"""What must hold after every tick, cheap enough to ask after every tick (SPEC 6.8).

What reads everything ever sent is asked hourly: `invariants`. Each question counts what breaks its rule.
"""

from datetime import datetime
from typing import Any

from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection

CONSERVATION = """
WITH of_tick AS (
    SELECT message.id, message.state, message.enrollment_id
    FROM request JOIN message ON message.request_id = request.id
    WHERE request.tick_id = $tick_id
)
SELECT
    (SELECT count(*) FROM of_tick
     WHERE state NOT IN ('waiting', 'claimed', 'sent', 'skipped', 'failed', 'unknown'))
  + (SELECT count(*) FROM enrollment
     WHERE id IN (SELECT enrollment_id FROM of_tick)
       AND status NOT IN ('active', 'paused', 'completed', 'exited'))
  + (SELECT count(*) FROM message JOIN request ON request.id = message.request_id
     WHERE message.state = 'claimed' AND request.state NOT IN ('claimed', 'inflight'))
  + (SELECT count(*) FROM enrollment
     LEFT JOIN message ON message.id = enrollment.message_id AND message.state IN ('claimed', 'unknown')
     WHERE enrollment.status = 'active' AND enrollment.due_at IS NULL AND message.id IS NULL)
"""
"""States are read of what the tick touched; open messages and who waits for one are few, and looked for everywhere."""

NOBODY_TWICE = """
WITH of_tick AS (
    SELECT message.id, message.enrollment_id, message.step_id, message.resends, message.accepted_twice
    FROM request JOIN message ON message.request_id = request.id
    WHERE request.tick_id = $tick_id
)
SELECT
    (SELECT count(*) FROM of_tick
     JOIN message USING (enrollment_id, step_id)
     WHERE message.id <> of_tick.id)
  + (SELECT count(*) FROM (
        SELECT 1 FROM of_tick
        JOIN attempt ON attempt.message_id = of_tick.id AND NOT attempt.withdrawn
        JOIN request ON request.id = attempt.request_id
            AND request.state IN ('claimed', 'inflight', 'accepted', 'unknown')
        GROUP BY of_tick.id
        HAVING count(*) > 1 + any_value(of_tick.resends) + CASE WHEN any_value(of_tick.accepted_twice)
            THEN greatest(1, count(*) FILTER (request.decided = 'proved_late')) ELSE 0 END))
"""

QUOTA_KEPT = """
SELECT count(*) FROM (
    SELECT 1 FROM request
    WHERE quota_day = $today
    GROUP BY domain_id
    HAVING sum(size) FILTER (state IN ('claimed', 'inflight', 'accepted', 'unknown')
            AND decided IS DISTINCT FROM 'proved_late') > max(day_limit)
       AND count(*) = count(day_limit))
"""

TICK_CHECKS = {
    "conservation": "Whoever this tick touched is in exactly one state, and nobody at all is forgotten.",
    "nobody_twice": "Nobody of this tick has a second message for the step, or was posted to again unproved.",
    "quota_kept": "No domain posted more today than its warmup allows.",
}
"""Name and meaning of each."""


def tick_breaches(connection: Connection, tick_id: str, now: datetime) -> dict[str, int]:
    """How often each rule of `TICK_CHECKS` is broken, as this tick leaves the store."""
    return {
        "conservation": _count(connection, CONSERVATION, {"tick_id": tick_id}),
        "nobody_twice": _count(connection, NOBODY_TWICE, {"tick_id": tick_id}),
        "quota_kept": _count(connection, QUOTA_KEPT, {"today": utc_day(now)}),
    }


def _count(connection: Connection, query: str, parameters: dict[str, Any]) -> int:
    (count,) = connection.execute(query, parameters).fetchone() or (0,)
    return count
