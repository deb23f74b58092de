"""What the dashboard's settings and sending pages list at length: suppressions, the audit, webhook deliveries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.keyset import Cut, Mark, cut_rows

SUPPRESSED = """
SELECT id, created_at AS at FROM suppression
WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
  AND ($reason::VARCHAR IS NULL OR reason = $reason)
  AND ($q::VARCHAR IS NULL OR contains(email, lower($q)))
"""

SUPPRESSIONS_SHOWN = "SELECT suppression.* FROM shown JOIN suppression ON suppression.id = shown.id"

SUPPRESSED_BY_REASON = """
SELECT reason, count(*) FROM suppression
WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
GROUP BY reason ORDER BY reason
"""

AUDITED = """
SELECT id, happened_at AS at FROM audit
WHERE ($who::VARCHAR IS NULL OR who = $who)
  AND ($what::VARCHAR IS NULL OR what = $what)
  AND ($about::VARCHAR IS NULL OR contains(details, $about))
"""

AUDIT_SHOWN = "SELECT audit.* FROM shown JOIN audit ON audit.id = shown.id"

AUDIT_NAMES = "SELECT DISTINCT who FROM audit ORDER BY who LIMIT 200"

AUDIT_DEEDS = "SELECT DISTINCT what FROM audit ORDER BY what LIMIT 200"

DELIVERED = """
SELECT id, created_at AS at FROM webhook_delivery
WHERE endpoint_id = $endpoint_id AND ($state::VARCHAR IS NULL OR state = $state)
"""

DELIVERIES_SHOWN = """
SELECT delivery.id, delivery.type, delivery.state, delivery.attempts, delivery.created_at, delivery.attempted_at,
    delivery.next_attempt_at, delivery.status_code, delivery.words, delivery.email
FROM shown JOIN webhook_delivery AS delivery ON delivery.id = shown.id
"""


def suppressions_cut(
    connection: Connection,
    now: datetime,
    *,
    reason: str | None = None,
    q: str | None = None,
    mark: Mark | None = None,
) -> Cut:
    """What is suppressed at present, newest first; `q` searches in the address."""
    return cut_rows(connection, SUPPRESSED, SUPPRESSIONS_SHOWN, {"now": now, "reason": reason, "q": q}, mark)


def suppression_counts(connection: Connection, now: datetime) -> dict[str, int]:
    """How many addresses are suppressed at present, by reason."""
    return dict(connection.execute(SUPPRESSED_BY_REASON, {"now": now}).fetchall())


def audit_cut(
    connection: Connection,
    *,
    who: str | None = None,
    what: str | None = None,
    about: str | None = None,
    mark: Mark | None = None,
) -> Cut:
    """The audit's entries, newest first; `about` is an id or address that the details name."""
    return cut_rows(connection, AUDITED, AUDIT_SHOWN, {"who": who, "what": what, "about": about}, mark)


def audit_choices(connection: Connection) -> tuple[list[str], list[str]]:
    """Who ever changed anything, and which changes there were: for a filter."""
    who, what = (connection.execute(query).fetchall() for query in (AUDIT_NAMES, AUDIT_DEEDS))
    return [name for (name,) in who], [name for (name,) in what]


def key_with(connection: Connection, key_hash: str) -> UUID | None:
    """The id of the key with this hash."""
    row = connection.execute("SELECT id FROM api_key WHERE hash = $hash", {"hash": key_hash}).fetchone()
    return row[0] if row else None


def deliveries_cut(
    connection: Connection, endpoint_id: UUID, *, state: str | None = None, mark: Mark | None = None
) -> Cut:
    """What an endpoint was told, and what waits for it, newest first."""
    return cut_rows(
        connection, DELIVERED, DELIVERIES_SHOWN, {"endpoint_id": endpoint_id, "state": state}, mark
    )


def delivery_counts(connection: Connection) -> dict[UUID, dict[str, Any]]:
    """Each endpoint's deliveries that are kept: how many wait, arrived, and failed for good."""
    rows = rows_as_dicts(
        connection,
        "SELECT endpoint_id, count(*) FILTER (state = 'waiting') AS waiting, "
        "count(*) FILTER (state = 'delivered') AS delivered, count(*) FILTER (state = 'failed') AS failed "
        "FROM webhook_delivery GROUP BY endpoint_id",
    )
    return {row.pop("endpoint_id"): row for row in rows}
