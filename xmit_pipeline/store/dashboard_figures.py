"""A sequence's figures for its page: what `metrics.step_stats` answers, read from the materialized table.

A step that changed since the last count is counted anew by the same definition, so the numbers are the API's at any
moment; the others cost nothing, however many messages they have.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.metrics import FIGURES, add_figures, deferred_by_warmup, no_figures, with_rates
from xmit_pipeline.store.steps import live_steps

COUNTED_AT = "SELECT coalesce(max(counted_at), '-infinity') FROM step_metric_count"

CHANGED = """
CREATE OR REPLACE TEMP TABLE changed_step AS
SELECT step_metric_due.step_id FROM step_metric_due JOIN step ON step.id = step_metric_due.step_id
WHERE step.sequence_id = $id
UNION
SELECT step_id FROM message
WHERE sequence_id = $id AND (settled_at >= $counted_at::TIMESTAMPTZ OR sent_at >= $counted_at::TIMESTAMPTZ)
"""
"""The moment is given as a constant: whole blocks of older messages are passed over."""

KEPT = """
SELECT step_metric.* FROM step_metric JOIN step ON step.id = step_metric.step_id
WHERE step.sequence_id = $id AND step_metric.step_id NOT IN (FROM changed_step)
"""

ANEW = FIGURES.format(
    feedback="message_feedback", which="sequence_id = $id AND step_id IN (FROM changed_step)"
)


@dataclass(frozen=True, slots=True)
class SequenceFigures:
    """`steps`: each live step with its own columns and `step_stats`' figures; `days`: a row a step and UTC day.

    `deleted` are the figures of all deleted steps together.
    """

    steps: list[dict[str, Any]]
    days: list[dict[str, Any]]
    deleted: dict[str, Any]


def sequence_figures(connection: Connection, sequence_id: UUID, now: datetime) -> SequenceFigures:
    """The figures of each live step, and of each day, deleted steps too."""
    figures: dict[UUID, dict[str, Any]] = {
        step["id"]: {**step, "step_id": step["id"], **no_figures()}
        for step in live_steps(connection, sequence_id)
    }
    days, deleted = _days(connection, sequence_id), no_figures()
    for row in days:
        add_figures(figures.get(row["step_id"], deleted), row)
    for group in deferred_by_warmup(connection, now):
        if group.step_id in figures:
            figures[group.step_id]["warmup_deferred"] += group.deferred
    return SequenceFigures([with_rates(of_step) for of_step in figures.values()], days, with_rates(deleted))


def _days(connection: Connection, sequence_id: UUID) -> list[dict[str, Any]]:
    (counted_at,) = connection.execute(COUNTED_AT).fetchone() or ("-infinity",)
    connection.execute(CHANGED, {"id": sequence_id, "counted_at": counted_at})
    rows = rows_as_dicts(connection, KEPT, {"id": sequence_id})
    if connection.execute("FROM changed_step").fetchone():
        rows += rows_as_dicts(connection, ANEW, {"id": sequence_id})
    return rows
