"""Each domain's health from what its mail met, and the pause that a critical one brings (SPEC 4)."""

from datetime import datetime, timedelta
from uuid import UUID

from xmit_pipeline.model.health import Health, HealthState
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.warmup import pause

SPAN = timedelta(days=7)
CRITICAL = f"health {HealthState.CRITICAL}"
"""So begins the reason of a pause that health brought."""

COUNTS = """
SELECT domain.id, domain.name, domain.warmup_state, domain.warmup_pause_reason,
    greatest($since::TIMESTAMPTZ, coalesce(domain.warmup_resumed_at, $since)) AS since,
    coalesce(met.sent, 0) AS sent, coalesce(met.bounces, 0) AS bounces, coalesce(met.complaints, 0) AS complaints
FROM domain
LEFT JOIN (
    SELECT request.domain_id, count(*) AS sent, count(*) FILTER (feedback.bounced) AS bounces,
        count(*) FILTER (feedback.complained) AS complaints
    FROM message
    JOIN request ON request.id = message.request_id
    JOIN domain ON domain.id = request.domain_id
    LEFT JOIN message_feedback AS feedback ON feedback.message_id = message.id
    WHERE message.state = 'sent' AND message.sent_at >= $since
      AND (domain.warmup_resumed_at IS NULL OR message.sent_at > domain.warmup_resumed_at)
    GROUP BY request.domain_id
) AS met ON met.domain_id = domain.id
ORDER BY domain.name, domain.id
"""
"""A complaint about mail from before a resume was answered by the pause: it counts no more."""


def domain_health(connection: Connection, now: datetime) -> dict[UUID, Health]:
    """Every domain's health since the later of 7 days ago and its last resume."""
    return {row["id"]: _health(row) for row in rows_as_dicts(connection, COUNTS, {"since": now - SPAN})}


def critical_domains(connection: Connection, now: datetime) -> dict[str, str]:
    """What is wrong with each domain that is critical, or was paused for it and not resumed, by its name."""
    found: dict[str, str] = {}
    for row in rows_as_dicts(connection, COUNTS, {"since": now - SPAN}):
        health, reason = _health(row), row["warmup_pause_reason"] or ""
        if row["warmup_state"] == WarmupState.PAUSED and reason.startswith(CRITICAL):
            found[row["name"]] = reason
        elif health.state is HealthState.CRITICAL:
            found[row["name"]] = health.words
    return found


def pause_critical(connection: Connection, now: datetime) -> dict[str, str]:
    """Pause the warmups that are active and critical; answers the reasons by the domain's name.

    A domain in another state sends on: an alert speaks of it, a person decides.
    """
    paused: dict[str, str] = {}
    for row in rows_as_dicts(connection, COUNTS, {"since": now - SPAN}):
        health = _health(row)
        if row["warmup_state"] == WarmupState.ACTIVE and health.state is HealthState.CRITICAL:
            pause(connection, row["id"], now, health.words)
            paused[row["name"]] = health.words
    return paused


def _health(row: dict[str, object]) -> Health:
    return Health(row["since"], row["sent"], row["bounces"], row["complaints"])  # type: ignore[arg-type]
