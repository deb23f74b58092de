"""Figures per step, derived from the facts and never incremented (SPEC 7, PAINS F4)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.frontier import due_groups
from xmit_pipeline.store.steps import live_steps

FORGET = "DELETE FROM step_metric WHERE step_id IN (FROM touched)"

TOUCHED = """
CREATE OR REPLACE TEMP TABLE touched AS
SELECT DISTINCT step_id FROM request WHERE tick_id = $tick_id
UNION
SELECT DISTINCT message.step_id
FROM message,
    (SELECT coalesce(max(moment), '-infinity'::TIMESTAMPTZ) AS moment
     FROM tick WHERE id <> $tick_id) AS last_tick
WHERE message.settled_at >= last_tick.moment OR message.sent_at >= last_tick.moment
"""
"""Steps whose messages changed in this tick, or since the one before: the API skips messages too."""

REFRESH = """
INSERT INTO step_metric (step_id, day, sent, presumed, skipped, failed, unknown)
SELECT step_id, coalesce(sent_at, settled_at)::DATE AS day,
    count(*) FILTER (state = 'sent') AS sent,
    count(*) FILTER (state = 'sent' AND presumed) AS presumed,
    count(*) FILTER (state = 'skipped') AS skipped,
    count(*) FILTER (state = 'failed') AS failed,
    count(*) FILTER (state = 'unknown') AS unknown
FROM message
WHERE state IN ('sent', 'skipped', 'failed', 'unknown') AND step_id IN (FROM touched)
GROUP BY step_id, day
"""

STEP_STATES = """
SELECT step_id, state, reason, presumed, count(*) AS messages
FROM message WHERE sequence_id = $id
GROUP BY ALL
"""

BY_DAY = """
SELECT step.id AS step_id, step.name, step.position, step_metric.day, step_metric.sent, step_metric.skipped,
    step_metric.failed, step_metric.unknown
FROM step_metric JOIN step ON step.id = step_metric.step_id
WHERE step.sequence_id = $id
ORDER BY step_metric.day, step.position
"""

SUMMARY = """
SELECT sequence.name AS sequence, step.position, step.name AS step,
    coalesce(sum(step_metric.sent), 0)::BIGINT AS sent,
    coalesce(sum(step_metric.skipped), 0)::BIGINT AS skipped,
    coalesce(sum(step_metric.failed), 0)::BIGINT AS failed,
    coalesce(sum(step_metric.unknown), 0)::BIGINT AS unknown
FROM step
JOIN sequence ON sequence.id = step.sequence_id
LEFT JOIN step_metric ON step_metric.step_id = step.id
WHERE sequence.status <> 'draft' AND sequence.deleted_at IS NULL AND step.deleted_at IS NULL
GROUP BY sequence.id, sequence.name, step.position, step.name
ORDER BY sequence.name, sequence.id, step.position
"""

COUNTED = (
    "sent", "presumed", "delivered", "opens", "uniqueOpens", "humanOpens", "clicks", "uniqueClicks",
    "bounces", "complaints", "unsubscribes", "skipped", "blocked", "warmupDeferred", "failed", "unknown",
)  # fmt: skip
RATES = ("openRate", "clickRate", "bounceRate", "complaintRate", "unsubscribeRate")


def refresh_step_metrics(connection: Connection, tick_id: str) -> None:
    """Count anew every step that a tick touched, from its messages, into `step_metric` (by step and UTC day)."""
    connection.execute(TOUCHED, {"tick_id": tick_id})
    connection.execute(FORGET)
    connection.execute(REFRESH)


def step_stats(connection: Connection, sequence_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """SPEC 7's figures for each live step of a sequence, all present, in order."""
    figures: dict[Any, dict[str, Any]] = {
        step["id"]: {"stepId": step["id"], "name": step["name"], **dict.fromkeys(COUNTED, 0),
                     "skippedReasons": {}, **dict.fromkeys(RATES, 0.0)}
        for step in live_steps(connection, sequence_id)
    }  # fmt: skip
    for row in rows_as_dicts(connection, STEP_STATES, {"id": sequence_id}):
        if row["step_id"] in figures:
            _count(figures[row["step_id"]], row)
    for group in due_groups(connection, now):
        if group.step_id in figures and group.wall and group.wall.startswith("warmup"):
            figures[group.step_id]["warmupDeferred"] += group.deferred
    return list(figures.values())


def step_days(connection: Connection, sequence_id: UUID) -> list[dict[str, Any]]:
    """A sequence's figures by UTC day and step, from the materialized table."""
    return rows_as_dicts(connection, BY_DAY, {"id": sequence_id})


def step_summary(connection: Connection) -> list[dict[str, Any]]:
    """All steps of all started sequences with their totals, from the materialized table."""
    return rows_as_dicts(connection, SUMMARY)


def _count(figures: dict[str, Any], row: dict[str, Any]) -> None:
    if row["state"] in ("sent", "skipped", "failed", "unknown"):
        figures[row["state"]] += row["messages"]
    if row["presumed"] and row["state"] == "sent":
        figures["presumed"] += row["messages"]
    if row["state"] == "skipped":
        reasons = figures["skippedReasons"]
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["messages"]
