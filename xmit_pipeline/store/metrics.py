"""Figures per step and UTC day, derived from the facts and never incremented (SPEC 7, PAINS F4).

One definition, `FIGURES`: the API counts by it as it is asked, `step_metric` keeps what it says for SQL, Dagster and
the dashboard, and a check compares that with a rebuild from the events. A figure stands on the day on which its
message was posted, not on that of the event: so no rate ever passes 1.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from xmit_pipeline.store.connection import Connection, Store, rows_as_dicts
from xmit_pipeline.store.event_feedback import recount_everything
from xmit_pipeline.store.frontier import DueGroup, due_groups
from xmit_pipeline.store.steps import live_steps
from xmit_pipeline.store.warmup import domain_days

COUNTED = (
    "sent", "presumed", "delivered", "opens", "unique_opens", "human_opens", "clicks", "unique_clicks",
    "human_clicks", "bounces", "complaints", "unsubscribes", "skipped", "blocked", "dropped", "failed", "unknown",
)  # fmt: skip
RATES = {
    "open_rate": ("unique_opens", "delivered"),
    "click_rate": ("unique_clicks", "delivered"),
    "bounce_rate": ("bounces", "sent"),
    "complaint_rate": ("complaints", "delivered"),
    "unsubscribe_rate": ("unsubscribes", "delivered"),
}

FIGURES = """
SELECT message.step_id, coalesce(message.sent_at, message.settled_at)::DATE AS day,
    count(*) FILTER (state = 'sent')::INTEGER AS sent,
    count(*) FILTER (state = 'sent' AND presumed)::INTEGER AS presumed,
    count(*) FILTER (state = 'sent' AND feedback.delivered)::INTEGER AS delivered,
    coalesce(sum(feedback.opens) FILTER (state = 'sent'), 0)::INTEGER AS opens,
    count(*) FILTER (state = 'sent' AND feedback.opens > 0)::INTEGER AS unique_opens,
    count(*) FILTER (state = 'sent' AND feedback.human_opens > 0)::INTEGER AS human_opens,
    coalesce(sum(feedback.clicks) FILTER (state = 'sent'), 0)::INTEGER AS clicks,
    count(*) FILTER (state = 'sent' AND feedback.clicks > 0)::INTEGER AS unique_clicks,
    count(*) FILTER (state = 'sent' AND feedback.human_clicks > 0)::INTEGER AS human_clicks,
    count(*) FILTER (state = 'sent' AND feedback.bounced)::INTEGER AS bounces,
    count(*) FILTER (state = 'sent' AND feedback.complained)::INTEGER AS complaints,
    count(*) FILTER (state = 'sent' AND feedback.unsubscribed)::INTEGER AS unsubscribes,
    count(*) FILTER (state = 'skipped')::INTEGER AS skipped,
    count(*) FILTER (state = 'sent' AND feedback.blocked)::INTEGER AS blocked,
    count(*) FILTER (state = 'sent' AND feedback.dropped)::INTEGER AS dropped,
    count(*) FILTER (state = 'failed')::INTEGER AS failed,
    count(*) FILTER (state = 'unknown')::INTEGER AS unknown,
    coalesce(to_json(histogram(reason) FILTER (state = 'skipped')), '{{}}')::VARCHAR AS skipped_reasons
FROM message LEFT JOIN {feedback} AS feedback ON feedback.message_id = message.id
WHERE state IN ('sent', 'skipped', 'failed', 'unknown') AND {which}
GROUP BY message.step_id, day
"""

NOTE_TOUCHED = """
INSERT INTO step_metric_due
SELECT DISTINCT step_id FROM (
    SELECT step_id FROM request WHERE tick_id = $tick_id
    UNION
    SELECT message.step_id
    FROM message,
        (SELECT least(coalesce(max(moment), '-infinity'), (SELECT coalesce(max(counted_at), '-infinity')
            FROM step_metric_count)) AS moment
         FROM tick WHERE id <> $tick_id) AS last_tick
    WHERE message.settled_at >= last_tick.moment OR message.sent_at >= last_tick.moment
) AS touched
WHERE step_id NOT IN (FROM step_metric_due)
"""
"""Steps whose messages changed in this tick, or since the last count: the API skips messages too."""

DUE_STEPS = "SELECT step_id FROM step_metric_due ORDER BY step_id"
FORGET = "DELETE FROM step_metric WHERE step_id = $id"
DONE = "DELETE FROM step_metric_due WHERE step_id = $id"
REFRESH = (
    f"INSERT INTO step_metric BY NAME {FIGURES.format(feedback='message_feedback', which='step_id = $id')}"
)
OF_SEQUENCE = FIGURES.format(feedback="message_feedback", which="sequence_id = $id")

REBUILT = f"CREATE OR REPLACE TEMP TABLE rebuilt AS {FIGURES.format(feedback='recounted', which='true')}"

UNEQUAL = f"""
SELECT count(*) FROM (
    (SELECT step_id, day, skipped_reasons, {", ".join(COUNTED)} FROM rebuilt
     EXCEPT SELECT step_id, day, skipped_reasons, {", ".join(COUNTED)} FROM step_metric)
    UNION ALL
    (SELECT step_id, day, skipped_reasons, {", ".join(COUNTED)} FROM step_metric
     EXCEPT SELECT step_id, day, skipped_reasons, {", ".join(COUNTED)} FROM rebuilt)
) AS unequal
WHERE step_id NOT IN (FROM step_metric_due) AND step_id NOT IN (
    SELECT step_id FROM message
    WHERE greatest(settled_at, sent_at) > (SELECT coalesce(max(counted_at), '-infinity') FROM step_metric_count))
"""  # noqa: S608  (our own column names)
"""Steps that changed since the last count are the next tick's to count, and compared after it."""

BY_DAY = """
SELECT step.name, step.position, step_metric.*
FROM step_metric JOIN step ON step.id = step_metric.step_id
WHERE step.sequence_id = $id
ORDER BY step_metric.day, step.position
"""

SUMMARY = f"""
SELECT sequence.name AS sequence, step.position, step.name AS step,
    {", ".join(f"coalesce(sum(step_metric.{name}), 0)::BIGINT AS {name}" for name in COUNTED)}
FROM step
JOIN sequence ON sequence.id = step.sequence_id
LEFT JOIN step_metric ON step_metric.step_id = step.id
WHERE sequence.status <> 'draft' AND sequence.deleted_at IS NULL AND step.deleted_at IS NULL
GROUP BY sequence.id, sequence.name, step.position, step.name
ORDER BY sequence.name, sequence.id, step.position
"""  # noqa: S608  (our own column names)


def refresh_step_metrics(store: Store, tick_id: str, now: datetime) -> int:
    """Count anew every step that a tick, an event or the API touched, into `step_metric`; answers how many.

    One transaction a step: what a death leaves undone is done by the next tick.
    """
    with store.transaction() as connection:
        connection.execute(NOTE_TOUCHED, {"tick_id": tick_id})
        connection.execute("DELETE FROM step_metric_count")
        connection.execute("INSERT INTO step_metric_count VALUES ($now)", {"now": now})
        due = [step_id for (step_id,) in connection.execute(DUE_STEPS).fetchall()]
    for step_id in due:
        with store.transaction() as connection:
            for statement in (FORGET, REFRESH, DONE):
                connection.execute(statement, {"id": step_id})
    return len(due)


def unequal_step_metrics(connection: Connection) -> int:
    """Rows of `step_metric` that a rebuild from all events would not have, and the other way round."""
    recount_everything(connection)
    connection.execute(REBUILT)
    (unequal,) = connection.execute(UNEQUAL).fetchone() or (0,)
    return unequal


def step_stats(connection: Connection, sequence_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """SPEC 7's figures for each live step of a sequence, all present, in order; names in snake_case."""
    figures: dict[UUID, dict[str, Any]] = {
        step["id"]: {"step_id": step["id"], "name": step["name"], **no_figures()}
        for step in live_steps(connection, sequence_id)
    }
    for row in rows_as_dicts(connection, OF_SEQUENCE, {"id": sequence_id}):
        if row["step_id"] in figures:
            add_figures(figures[row["step_id"]], row)
    for group in deferred_by_warmup(connection, now):
        if group.step_id in figures:
            figures[group.step_id]["warmup_deferred"] += group.deferred
    return [with_rates(of_step) for of_step in figures.values()]


def step_days(connection: Connection, sequence_id: UUID) -> list[dict[str, Any]]:
    """A sequence's figures by UTC day and step, with rates, from the materialized table."""
    rows = rows_as_dicts(connection, BY_DAY, {"id": sequence_id})
    return [with_rates({**row, "skipped_reasons": orjson.loads(row["skipped_reasons"])}) for row in rows]


def step_summary(connection: Connection) -> list[dict[str, Any]]:
    """All steps of all started sequences with their totals, from the materialized table."""
    return rows_as_dicts(connection, SUMMARY)


def no_figures() -> dict[str, Any]:
    """Every figure, before anything was sent."""
    return {**dict.fromkeys(COUNTED, 0), "warmup_deferred": 0, "skipped_reasons": {}}


def with_rates(figures: dict[str, Any]) -> dict[str, Any]:
    """The rates beside the figures; 0 where there is nothing to divide by."""
    rates = {
        name: figures[part] / figures[whole] if figures[whole] else 0.0
        for name, (part, whole) in RATES.items()
    }
    return {**figures, **rates}


def deferred_by_warmup(connection: Connection, now: datetime) -> list[DueGroup]:
    """Who is due and waits for a place in a warmup day; where no domain has such days, nobody is counted for it."""
    if not any(day.is_limited for day in domain_days(connection, now)):
        return []
    return [group for group in due_groups(connection, now) if group.wall and group.wall.startswith("warmup")]


def add_figures(figures: dict[str, Any], row: dict[str, Any]) -> None:
    """Add a day's row, whose `skipped_reasons` are JSON text, to figures such as `no_figures` begins."""
    for name in COUNTED:
        figures[name] += row[name]
    reasons = figures["skipped_reasons"]
    for reason, messages in orjson.loads(row["skipped_reasons"]).items():
        reasons[reason] = reasons.get(reason, 0) + messages
