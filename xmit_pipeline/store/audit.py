"""The audit: what a person decided against a rule's first answer, who it was, and when (SPEC 3)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, rows_as_dicts

WRITE = "INSERT INTO audit VALUES ($id, $now, $who, $what, $details)"

PAGE = """
SELECT *, count(*) OVER () AS total FROM audit
ORDER BY happened_at DESC, id DESC
LIMIT $limit OFFSET $offset
"""


def write_audit(
    connection: Connection, now: datetime, *, who: str, what: str, details: dict[str, Any]
) -> UUID:
    """Keep one decision: `what` is a verb such as `suppression.lift`, `details` what it was about."""
    entry_id = new_id()
    connection.execute(
        WRITE,
        {"id": entry_id, "now": now, "who": who, "what": what, "details": orjson.dumps(details).decode()},
    )
    return entry_id


def audit_page(connection: Connection, *, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """Entries, newest first: happened_at, who, what, details (JSON text); every row carries the `total`."""
    return rows_as_dicts(connection, PAGE, {"limit": limit, "offset": offset})
