"""A domain's warmup in the store: its state, its day, and how many places are left (SPEC 4).

The count of a day is never incremented: it is the sum over requests that hold places, so a restart keeps it
and every process sees the same.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict, NotFound
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.model.warmup import Curve, Progress, backlog_share, next_hour, next_midnight, utc_day
from xmit_pipeline.store.connection import Connection, rows_as_dicts

DOMAINS = """
SELECT
    domain.*,
    coalesce(held.places, 0) AS used,
    coalesce(held.overdue, 0) AS used_overdue
FROM domain
LEFT JOIN (
    SELECT domain_id, sum(size)::BIGINT AS places, sum(overdue)::BIGINT AS overdue
    FROM request
    WHERE quota_day = $today AND state IN ('claimed', 'inflight', 'accepted', 'unknown')
    GROUP BY domain_id
) AS held ON held.domain_id = domain.id
ORDER BY domain.name, domain.id
"""


BENEATH = """
UPDATE domain SET
    warmup_state = CASE WHEN warmup_state = 'paused' THEN warmup_state ELSE $state END,
    warmup_state_before = CASE WHEN warmup_state = 'paused' THEN $state END,
    warmup_midnights = $midnights,
    warmup_active_since = CASE WHEN $state = 'active' AND warmup_state <> 'paused' THEN $now::TIMESTAMPTZ END
WHERE id = $id
"""
"""A pause stays one, whatever changes beneath it: only a resume ends it."""


@dataclass(frozen=True, slots=True)
class DomainDay:
    """A domain on one UTC day. `limit` and `left` are None where there is no limit."""

    domain_id: UUID
    name: str
    state: WarmupState
    day: int
    limit: int | None
    used: int
    left: int | None
    backlog_left: int | None
    pacing: bool
    pause_reason: str | None

    @property
    def is_limited(self) -> bool:
        """Whether anybody could have to wait for this domain's warmup."""
        return self.limit is not None or self.state is WarmupState.PAUSED

    def frees_at(self, now: datetime) -> datetime | None:
        """The earliest time at which more may go: the next paced hour, the next day, or unknown if paused."""
        if self.state is WarmupState.PAUSED:
            return None
        return next_hour(now) if self.left and self.pacing else next_midnight(now)


def domain_days(connection: Connection, now: datetime) -> list[DomainDay]:
    """Every domain's limit, use and room on the UTC day of `now`."""
    return [_domain_day(row, now) for row in rows_as_dicts(connection, DOMAINS, {"today": utc_day(now)})]


def capacity(days: list[DomainDay]) -> pl.DataFrame:
    """One row a domain that may send: `domain_id`, `day_limit`, `room` and `backlog_room` (null: no limit)."""
    open_days = [day for day in days if day.state is not WarmupState.PAUSED]
    return pl.DataFrame(
        {
            "domain_id": [str(day.domain_id) for day in open_days],
            "day_limit": [day.limit for day in open_days],
            "room": [day.left for day in open_days],
            "backlog_room": [day.backlog_left for day in open_days],
        },
        schema={"domain_id": pl.String, "day_limit": pl.Int64, "room": pl.Int64, "backlog_room": pl.Int64},
    )


def turn_of_day(connection: Connection, now: datetime) -> list[str]:
    """Complete the warmups that have had a full day at their target; answers the domains' names."""
    done = _done(connection, now)
    for row in done:
        connection.execute(
            "UPDATE domain SET warmup_state = 'completed', warmup_midnights = $midnights, "
            "warmup_spell_began = warmup_active_since, warmup_spell_ended = $now, "
            "warmup_active_since = NULL WHERE id = $id",
            {"id": row["id"], "midnights": _progress(row).midnights_at(now), "now": now},
        )
    return [row["name"] for row in done]


def turn_waits(connection: Connection, now: datetime) -> bool:
    """Whether `turn_of_day` has a warmup to complete."""
    return bool(_done(connection, now))


def configure(
    connection: Connection,
    domain_id: UUID,
    now: datetime,
    *,
    enabled: bool | None = None,
    start: int | None = None,
    factor: Decimal | None = None,
    target: int | None = None,
    table: list[int] | None = None,
    pacing: bool | None = None,
    hold_target: bool | None = None,
) -> None:
    """Change what is given, at once also for the rest of today; enabling starts day 1.

    A paused domain stays paused: the state to which it will resume changes. Holding the target of a completed
    warmup, which is not enabled anew, brings its limit back.
    """
    row = _row(connection, domain_id)
    curve = Curve(
        start=row["warmup_start"] if start is None else start,
        factor=row["warmup_factor"] if factor is None else factor,
        target=row["warmup_target"] if target is None else target,
        table=tuple(row["warmup_table"] or ()) if table is None else tuple(table),
    )
    connection.execute(
        """
        UPDATE domain SET
            warmup_start = $start, warmup_factor = $factor, warmup_target = $target, warmup_table = $table,
            warmup_pacing = coalesce($pacing, warmup_pacing),
            warmup_hold_target = coalesce($hold_target, warmup_hold_target)
        WHERE id = $id
        """,
        {
            "id": domain_id,
            "start": curve.start,
            "factor": curve.factor,
            "target": curve.target,
            "table": list(curve.table) or None,
            "pacing": pacing,
            "hold_target": hold_target,
        },
    )
    if enabled is not None:
        _enable(connection, row, now, enabled=enabled)
    if hold_target and not enabled:
        _hold_again(connection, row, now)


def state_beneath(row: dict[str, Any]) -> WarmupState:
    """The state of a domain's row; under a pause, the one that a resume goes back to."""
    return WarmupState(row["warmup_state_before"] or row["warmup_state"])


def pause(connection: Connection, domain_id: UUID, now: datetime, reason: str) -> None:
    """Nothing more goes out over this domain until `resume`."""
    row = _row(connection, domain_id)
    if row["warmup_state"] == WarmupState.PAUSED:
        raise Conflict(f"The warmup of {row['name']} is paused already.")
    connection.execute(
        """
        UPDATE domain SET
            warmup_state = 'paused', warmup_state_before = warmup_state, warmup_pause_reason = $reason,
            warmup_spell_began = CASE WHEN warmup_state = 'active' THEN warmup_active_since ELSE warmup_spell_began END,
            warmup_spell_ended = CASE WHEN warmup_state = 'active' THEN $now ELSE warmup_spell_ended END,
            warmup_midnights = $midnights, warmup_active_since = NULL
        WHERE id = $id
        """,
        {"id": domain_id, "reason": reason, "midnights": _progress(row).midnights_at(now), "now": now},
    )


def resume(connection: Connection, domain_id: UUID, now: datetime) -> None:
    """Back to the state and day before the pause."""
    row = _row(connection, domain_id)
    if row["warmup_state"] != WarmupState.PAUSED:
        raise Conflict(f"The warmup of {row['name']} is {row['warmup_state']}; only a paused one can resume.")
    connection.execute(
        """
        UPDATE domain SET
            warmup_state = warmup_state_before, warmup_state_before = NULL, warmup_pause_reason = NULL,
            warmup_active_since = CASE WHEN warmup_state_before = 'active' THEN $now END,
            warmup_resumed_at = $now
        WHERE id = $id
        """,
        {"id": domain_id, "now": now},
    )


def _done(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    return [
        row
        for row in rows_as_dicts(connection, "SELECT * FROM domain WHERE warmup_state = 'active'")
        if not row["warmup_hold_target"] and _progress(row).full_day_at_target(curve_of(row), now)
    ]


def _enable(connection: Connection, row: dict[str, Any], now: datetime, *, enabled: bool) -> None:
    """Day 1 begins now; on a paused domain, which stays paused, it begins with the resume."""
    if enabled != (state_beneath(row) is WarmupState.ACTIVE):
        state = WarmupState.ACTIVE if enabled else WarmupState.INACTIVE
        connection.execute(BENEATH, {"id": row["id"], "state": state, "midnights": 0, "now": now})


def _hold_again(connection: Connection, row: dict[str, Any], now: datetime) -> None:
    """A completed warmup goes back to its limit, on the day at which it was completed."""
    if state_beneath(row) is WarmupState.COMPLETED:
        given = {"id": row["id"], "state": WarmupState.ACTIVE, "midnights": row["warmup_midnights"]}
        connection.execute(BENEATH, {**given, "now": now})


def _row(connection: Connection, domain_id: UUID) -> dict[str, Any]:
    rows = rows_as_dicts(connection, "SELECT * FROM domain WHERE id = $id", {"id": domain_id})
    if not rows:
        raise NotFound("There is no such domain.")
    return rows[0]


def _domain_day(row: dict[str, Any], now: datetime) -> DomainDay:
    state = WarmupState(row["warmup_state"])
    day = _progress(row).day(now)
    limit = left = backlog_left = None
    if state is WarmupState.ACTIVE:
        limit = curve_of(row).limit(day)
        left = backlog_left = max(0, limit - row["used"])
        if row["warmup_pacing"]:
            backlog_left = max(0, min(left, backlog_share(limit, now) - row["used_overdue"]))
    return DomainDay(
        domain_id=row["id"],
        name=row["name"],
        state=state,
        day=day,
        limit=limit,
        used=row["used"],
        left=left,
        backlog_left=backlog_left,
        pacing=row["warmup_pacing"],
        pause_reason=row["warmup_pause_reason"],
    )


def curve_of(row: dict[str, Any]) -> Curve:
    """The curve that a domain's row describes."""
    return Curve(
        row["warmup_start"], row["warmup_factor"], row["warmup_target"], tuple(row["warmup_table"] or ())
    )


def _progress(row: dict[str, Any]) -> Progress:
    return Progress(row["warmup_midnights"], row["warmup_active_since"])
