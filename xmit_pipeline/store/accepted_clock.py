"""After a clock that was ahead: what it left later than now is brought back to now (SPEC 6.10).

What was posted meanwhile was posted before now, whatever the clock said; so its places are today's, the next delay
counts from now at the latest, and nothing waits for a time that only a wrong clock has seen.
"""

from collections.abc import Sequence
from datetime import datetime

from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.spread import spread_unbumped
from xmit_pipeline.store.ticks import supersede

RECOUNTED = """
INSERT INTO step_metric_due
SELECT DISTINCT step_id FROM message
WHERE greatest(sent_at, settled_at) > $now AND step_id NOT IN (FROM step_metric_due)
"""

PLACES = """
UPDATE request SET quota_day = $today, day_limit = NULL WHERE quota_day > $today
"""
"""A day to which others are added may hold more than its limit: there nothing more goes until the next."""

OWED = """
UPDATE message SET due_at = message.due_at - later.ahead
FROM later WHERE message.id = later.message_id AND message.state IN ('waiting', 'unknown')
"""

LATER = """
CREATE OR REPLACE TEMP TABLE later AS
SELECT id AS enrollment_id, message_id,
    date_trunc('minute', coalesce(last_sent_at, enrolled_at)) - $now::TIMESTAMPTZ AS ahead
FROM enrollment
WHERE status IN ('active', 'paused') AND coalesce(last_sent_at, enrolled_at) > $now
"""

DUE = """
UPDATE enrollment SET due_at = enrollment.due_at - later.ahead FROM later WHERE enrollment.id = later.enrollment_id
"""

MINUTES = {"enrollment": ("enrolled_at", "last_sent_at")}
MOMENTS = {
    "message": ("created_at", "sent_at", "settled_at"),
    "request": ("created_at", "posted_at", "settled_at", "looked_up_at"),
    "enrollment": ("ended_at",),
    "sequence": ("paused_at",),
    "step": ("open_at", "walled_at", "held_at"),
    "sender": ("held_at", "probe_at"),
    "circuit": ("opened_at", "probe_at", "closed_at"),
    "domain": ("warmup_resumed_at",),
    "webhook_delivery": ("next_attempt_at",),
    "webhook_subscription": ("heard_from",),
    "suppression_pull": ("pulled_until", "window_start", "window_end", "finished_at"),
    "step_metric_count": ("counted_at",),
}
"""Columns in which nothing later than now can be true, or that let nothing happen before: now stands in its place."""

WARMUPS = """
UPDATE domain SET
    warmup_state = CASE WHEN ended_ahead AND warmup_state = 'completed' THEN 'active' ELSE warmup_state END,
    warmup_state_before = CASE WHEN ended_ahead AND warmup_state_before = 'completed' THEN 'active'
        ELSE warmup_state_before END,
    warmup_active_since = CASE WHEN ended_ahead AND warmup_state = 'completed' THEN began
        WHEN warmup_active_since > $now THEN $now ELSE warmup_active_since END,
    warmup_midnights = CASE WHEN NOT ended_ahead THEN warmup_midnights
        ELSE greatest(0, warmup_midnights - date_diff('day', warmup_spell_began::DATE, warmup_spell_ended::DATE)
            + CASE WHEN warmup_state = 'paused' THEN date_diff('day', began::DATE, $today::DATE) ELSE 0 END) END,
    warmup_spell_ended = CASE WHEN warmup_spell_ended > $now THEN $now ELSE warmup_spell_ended END
FROM (
    SELECT id AS domain_id, least(warmup_spell_began, $now) AS began,
        warmup_state IN ('completed', 'paused') AND warmup_spell_began IS NOT NULL
            AND warmup_spell_ended > $now AS ended_ahead
    FROM domain
) AS spell
WHERE domain.id = spell.domain_id
"""
"""Midnights that only the wrong clock saw do not count: a warmup that they completed is active, on its true day."""


def accept_clock(connection: Connection, now: datetime) -> int:
    """Take `now` for true, and go on as if no clock had ever been later; answers how many ticks were."""
    later_ticks = supersede(connection, now)
    if later_ticks:
        _bring_back(connection, now)
    return later_ticks


def _bring_back(connection: Connection, now: datetime) -> None:
    moment = {"now": now}
    minute = {"now": now.replace(second=0, microsecond=0)}
    today = {"today": utc_day(now)}
    connection.execute(RECOUNTED, moment)
    connection.execute(PLACES, today)
    connection.execute(LATER, minute)
    connection.execute(OWED)
    connection.execute(DUE)
    connection.execute(WARMUPS, {**moment, **today})
    for table, columns in MINUTES.items():
        connection.execute(_capped(table, columns), minute)
    for table, columns in MOMENTS.items():
        connection.execute(_capped(table, columns), moment)
    spread_unbumped(connection, now)


def _capped(table: str, columns: Sequence[str]) -> str:
    capped = ", ".join(
        f"{column} = CASE WHEN {column} > $now THEN $now ELSE {column} END" for column in columns
    )
    later = " OR ".join(f"{column} > $now" for column in columns)
    return f"UPDATE {table} SET {capped} WHERE {later}"  # noqa: S608  (names from this file)
