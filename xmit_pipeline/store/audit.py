"""The audit: who changed what, and when; also what a person decided against a rule's first answer (SPEC 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import polars as pl

from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts

WRITE = "INSERT INTO audit VALUES ($id, $now, $who, $what, $details)"

WRITE_MANY = "INSERT INTO audit SELECT uuidv7(), $now, who, what, details FROM given_entry"

PAGE = """
WITH found AS (
    SELECT id, happened_at FROM audit
    WHERE ($who::VARCHAR IS NULL OR who = $who)
      AND ($what::VARCHAR IS NULL OR what = $what)
      AND ($about::VARCHAR IS NULL OR contains(details, $about))
),
shown AS (
    FROM found ORDER BY happened_at DESC, id DESC LIMIT $limit OFFSET $offset
)
SELECT audit.*, (SELECT count(*) FROM found) AS total
FROM shown JOIN audit ON audit.id = shown.id
ORDER BY shown.happened_at DESC, shown.id DESC
"""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry that is still to be written, for those who write many at once."""

    who: str
    what: str
    details: dict[str, Any]


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


def write_audits(connection: Connection, now: datetime, entries: Sequence[AuditEntry]) -> None:
    """The same for many entries, in one statement."""
    rows = [(each.who, each.what, orjson.dumps(each.details).decode()) for each in entries]
    schema = {"who": pl.String, "what": pl.String, "details": pl.String}
    if rows:
        with offered(connection, "given_entry", pl.DataFrame(rows, schema=schema, orient="row")):
            connection.execute(WRITE_MANY, {"now": now})


def audit_page(
    connection: Connection,
    *,
    who: str | None = None,
    what: str | None = None,
    about: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Entries, newest first: happened_at, who, what, details (JSON text); every row carries the `total`.

    `about` is an id or address that the details name.
    """
    asked = {"who": who, "what": what, "about": about}
    return rows_as_dicts(connection, PAGE, {**asked, "limit": limit, "offset": offset})
