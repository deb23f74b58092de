"""Endpoints of outgoing webhooks and what each wants to hear of (SPEC 8). What is told is in `webhook_queue`."""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.webhooks import WebhookType
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.webhook_queue import subscribe

PREFIX = "whsec_"

ADD = """
INSERT INTO webhook_endpoint (id, url, description, secret, enabled, failures, created_at, updated_at)
VALUES ($id, $url, $description, $secret, $enabled, 0, $now, $now)
"""

SELECT = """
SELECT endpoint.id, endpoint.url, endpoint.description, endpoint.enabled, endpoint.disabled_reason,
    endpoint.failing_since, endpoint.failures, endpoint.created_at, endpoint.updated_at, subscribed.events
FROM webhook_endpoint AS endpoint
LEFT JOIN (
    SELECT endpoint_id, list(type ORDER BY type) AS events FROM webhook_subscription GROUP BY endpoint_id
) AS subscribed ON subscribed.endpoint_id = endpoint.id
WHERE endpoint.deleted_at IS NULL
"""

UPDATE = """
UPDATE webhook_endpoint SET
    url = coalesce($url, url),
    description = CASE WHEN $describes THEN $description ELSE description END,
    enabled = coalesce($enabled, enabled),
    updated_at = $now
WHERE id = $id
"""

FORGET_FAILURES = """
UPDATE webhook_endpoint SET disabled_reason = NULL, failing_since = NULL, failures = 0 WHERE id = $id
"""


def add_endpoint(
    connection: Connection,
    now: datetime,
    *,
    url: str,
    events: Collection[WebhookType],
    enabled: bool = True,
    description: str | None = None,
) -> tuple[UUID, str]:
    """A new endpoint and its secret, which is never shown again; it hears of what becomes known from now on."""
    endpoint_id, secret = new_id(), _new_secret()
    connection.execute(
        ADD,
        {
            "id": endpoint_id,
            "url": url,
            "description": description,
            "secret": secret,
            "enabled": enabled,
            "now": now,
        },
    )
    subscribe(connection, endpoint_id, events, now)
    return endpoint_id, secret


def update_endpoint(
    connection: Connection,
    endpoint_id: UUID,
    now: datetime,
    *,
    url: str | None = None,
    events: Collection[WebhookType] | None = None,
    enabled: bool | None = None,
    description: str | None = None,
    describes: bool = False,
) -> None:
    """Change what is given, and the description where `describes`.

    What it did not want, or happened while it was disabled, is not caught up; what waits for it stays.
    """
    known = get_endpoint(connection, endpoint_id)
    wanted = {WebhookType(event) for event in known["events"]} if events is None else set(events)
    connection.execute(
        UPDATE,
        {
            "id": endpoint_id,
            "url": url,
            "enabled": enabled,
            "description": description,
            "describes": describes,
            "now": now,
        },
    )
    wakes = enabled is True and not known["enabled"]
    if wakes:
        connection.execute(FORGET_FAILURES, {"id": endpoint_id})
    _unsubscribe(connection, endpoint_id, set(known["events"]) if wakes else set(known["events"]) - wanted)
    subscribe(connection, endpoint_id, wanted if wakes else wanted - set(known["events"]), now)


def rotate_secret(connection: Connection, endpoint_id: UUID, now: datetime) -> str:
    """A new secret; the old one signs nothing more."""
    get_endpoint(connection, endpoint_id)
    secret = _new_secret()
    connection.execute(
        "UPDATE webhook_endpoint SET secret = $secret, updated_at = $now WHERE id = $id",
        {"id": endpoint_id, "secret": secret, "now": now},
    )
    return secret


def delete_endpoint(connection: Connection, endpoint_id: UUID, now: datetime) -> None:
    """Tell it nothing more, and forget what it was told and what waits."""
    get_endpoint(connection, endpoint_id)
    connection.execute(
        "UPDATE webhook_endpoint SET deleted_at = $now, enabled = false, secret = '' WHERE id = $id",
        {"id": endpoint_id, "now": now},
    )
    for table in ("webhook_subscription", "webhook_mark", "webhook_delivery"):
        connection.execute(f"DELETE FROM {table} WHERE endpoint_id = $id", {"id": endpoint_id})  # noqa: S608


def get_endpoint(connection: Connection, endpoint_id: UUID) -> dict[str, Any]:
    """One endpoint without its secret; `events` are the types that it wants."""
    rows = rows_as_dicts(connection, f"{SELECT} AND endpoint.id = $id", {"id": endpoint_id})
    if not rows:
        raise NotFound("There is no such webhook.")
    return rows[0]


def endpoints(connection: Connection) -> list[dict[str, Any]]:
    """All endpoints without their secrets, oldest first."""
    return rows_as_dicts(connection, f"{SELECT} ORDER BY endpoint.created_at, endpoint.id")


def secret_of(connection: Connection, endpoint_id: UUID) -> str:
    """What signs the bodies for this endpoint; for the poster alone."""
    get_endpoint(connection, endpoint_id)
    (secret,) = connection.execute(
        "SELECT secret FROM webhook_endpoint WHERE id = $id", {"id": endpoint_id}
    ).fetchone() or ("",)
    return secret


def _unsubscribe(connection: Connection, endpoint_id: UUID, types: Collection[str]) -> None:
    connection.execute(
        "DELETE FROM webhook_subscription WHERE endpoint_id = $id AND list_contains($types, type)",
        {"id": endpoint_id, "types": list(types)},
    )


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)
