"""The outbox of outgoing webhooks: what is due, what an attempt came to, and what people see of it (SPEC 8)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict, NotFound
from xmit_pipeline.model.webhooks import TRIES, DeliveryState
from xmit_pipeline.store.audit import write_audit
from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts
from xmit_pipeline.store.webhooks import get_endpoint

FAILS_FOR = timedelta(days=3)
FAILS_AT_LEAST = 10
"""An endpoint that has done nothing but fail for so long, and so often, is disabled."""

ATTEMPTED = {
    "delivery_id": pl.String,
    "endpoint_id": pl.String,
    "delivered": pl.Boolean,
    "status_code": pl.Int32,
    "words": pl.String,
    "wait_seconds": pl.Float64,
}
"""A row an attempt; `wait_seconds` is how long the next one would wait."""

DUE = """
WITH turn AS (
    SELECT delivery.rowid AS row, endpoint.url, endpoint.secret, delivery.endpoint_id,
        row_number() OVER (
            PARTITION BY delivery.endpoint_id ORDER BY delivery.next_attempt_at, delivery.happened_at, delivery.rowid
        ) AS place
    FROM webhook_delivery AS delivery JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
    WHERE delivery.state = 'waiting' AND delivery.next_attempt_at <= $now AND endpoint.enabled
    ORDER BY place, delivery.endpoint_id
    LIMIT $limit
)
SELECT delivery.*, turn.url, turn.secret
FROM turn JOIN webhook_delivery AS delivery ON delivery.rowid = turn.row
ORDER BY turn.place, turn.endpoint_id
"""

SETTLE = """
UPDATE webhook_delivery SET
    state = CASE WHEN attempt.delivered THEN 'delivered' WHEN tries_left <= 1 THEN 'failed' ELSE 'waiting' END,
    attempts = attempts + 1,
    tries_left = greatest(tries_left - 1, 0),
    attempted_at = $now,
    delivered_at = CASE WHEN attempt.delivered THEN $now END,
    next_attempt_at = CASE WHEN NOT attempt.delivered AND tries_left > 1
        THEN $now + to_microseconds((attempt.wait_seconds * 1000000)::BIGINT) END,
    status_code = attempt.status_code,
    words = attempt.words
FROM attempt
WHERE webhook_delivery.id = attempt.delivery_id::UUID
RETURNING state
"""

STANDING = """
UPDATE webhook_endpoint SET
    failing_since = CASE WHEN heard.well THEN NULL ELSE coalesce(failing_since, $now) END,
    failures = CASE WHEN heard.well THEN 0 ELSE failures + heard.attempts END
FROM (
    SELECT endpoint_id::UUID AS endpoint_id, bool_or(delivered) AS well, count(*) AS attempts
    FROM attempt GROUP BY endpoint_id
) AS heard
WHERE webhook_endpoint.id = heard.endpoint_id
"""

DISABLE = """
UPDATE webhook_endpoint SET enabled = false, updated_at = $now, disabled_reason = format(
    'It has only failed since {}, {} times in a row; enable it again once it answers.',
    strftime(failing_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'), failures)
WHERE enabled AND deleted_at IS NULL AND failing_since <= $since AND failures >= $at_least
RETURNING id::VARCHAR, url, disabled_reason
"""

ADD_PING = """
INSERT INTO webhook_delivery (id, endpoint_id, type, subject, known_at, happened_at, state, attempts, tries_left,
    created_at, attempted_at, delivered_at, status_code, words)
VALUES ($id, $endpoint_id, $type, $id, $created_at, $created_at, $state, 1, 0, $created_at, $now, $delivered_at,
    $status_code, $words)
"""

PAGE = """
SELECT *, count(*) OVER () AS total FROM webhook_delivery
WHERE endpoint_id = $endpoint_id AND ($state IS NULL OR state = $state)
ORDER BY created_at DESC, id DESC
LIMIT $limit OFFSET $offset
"""

AGAIN = """
UPDATE webhook_delivery SET state = 'waiting', tries_left = $tries, next_attempt_at = $now, delivered_at = NULL
WHERE id = $id
"""


def due_deliveries(connection: Connection, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Waiting deliveries of enabled endpoints in turns, each one's longest due first, with its url and secret."""
    return rows_as_dicts(connection, DUE, {"now": now, "limit": limit})


def settle_deliveries(
    connection: Connection, now: datetime, attempted: pl.DataFrame
) -> dict[DeliveryState, int]:
    """Write down what attempts came to, in the columns of ATTEMPTED; answers how many deliveries are in each state.

    What failed waits for its next attempt, or has failed for good. An endpoint that fails for days is disabled.
    """
    with offered(connection, "attempt", attempted):
        states = [DeliveryState(state) for (state,) in connection.execute(SETTLE, {"now": now}).fetchall()]
        connection.execute(STANDING, {"now": now})
    disabled = connection.execute(
        DISABLE, {"now": now, "since": now - FAILS_FOR, "at_least": FAILS_AT_LEAST}
    ).fetchall()
    for endpoint_id, url, reason in disabled:
        details = {"endpoint_id": endpoint_id, "url": url, "reason": reason}
        write_audit(connection, now, who="xmit", what="webhook.disable", details=details)
    return {state: states.count(state) for state in DeliveryState}


def write_ping(connection: Connection, now: datetime, ping: dict[str, Any]) -> None:
    """Keep a test that was posted already: id, endpoint_id, type, created_at, state, status_code, words."""
    delivered_at = now if ping["state"] == DeliveryState.DELIVERED else None
    connection.execute(ADD_PING, {**ping, "now": now, "delivered_at": delivered_at})


def deliveries_page(
    connection: Connection, endpoint_id: UUID, *, state: str | None = None, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """An endpoint's deliveries, newest first; every row carries the `total`."""
    return rows_as_dicts(
        connection, PAGE, {"endpoint_id": endpoint_id, "state": state, "limit": limit, "offset": offset}
    )


def get_delivery(connection: Connection, endpoint_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    """One delivery of this endpoint."""
    rows = rows_as_dicts(
        connection,
        "SELECT * FROM webhook_delivery WHERE id = $id AND endpoint_id = $endpoint_id",
        {"id": delivery_id, "endpoint_id": endpoint_id},
    )
    if not rows:
        raise NotFound("There is no such delivery at this webhook.")
    return rows[0]


def retry_delivery(connection: Connection, endpoint_id: UUID, delivery_id: UUID, now: datetime) -> None:
    """Let the next tick post it, with all its tries again; also one that was delivered. Conflict while disabled."""
    endpoint = get_endpoint(connection, endpoint_id)
    get_delivery(connection, endpoint_id, delivery_id)
    if not endpoint["enabled"]:
        raise Conflict("This webhook is disabled; enable it first.")
    connection.execute(AGAIN, {"id": delivery_id, "now": now, "tries": TRIES})


def waiting_count(connection: Connection) -> int:
    """How many deliveries wait, those of disabled endpoints included."""
    (count,) = connection.execute(
        "SELECT count(*) FROM webhook_delivery JOIN webhook_endpoint ON webhook_endpoint.id = endpoint_id "
        "WHERE state = 'waiting' AND deleted_at IS NULL"
    ).fetchone() or (0,)
    return count
