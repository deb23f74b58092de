"""Addresses that must not be mailed: kept, looked up, lifted, run out (SPEC 1, 3)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.lifecycle import LIFTABLE, SuppressionReason
from xmit_pipeline.store.audit import write_audit
from xmit_pipeline.store.connection import Connection, offered, rows_as_dicts
from xmit_pipeline.store.progress import exit_contacts

ACTIVE_SUPPRESSIONS = """
SELECT email, arg_min(reason, created_at) AS reason
FROM suppression
WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
GROUP BY email
"""
"""One row an address that is suppressed at `$now`, for use as a subquery."""

SUPPRESSING_COLUMNS = {
    "email": pl.String,
    "reason": pl.String,
    "source": pl.String,
    "expires_at": pl.Datetime("us", "UTC"),
}
"""What `suppress_staged` reads; a folded address, a reason of SPEC 1, null where it never expires."""

FRESH = """
CREATE OR REPLACE TEMP TABLE fresh_suppression AS
SELECT uuidv7() AS id, * FROM (
    SELECT email, reason, arg_max(source, coalesce(expires_at, 'infinity')) AS source,
        max(coalesce(expires_at, 'infinity')) AS lasts_until
    FROM suppressing GROUP BY email, reason
) AS asked
WHERE NOT EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.email = asked.email AND suppression.reason = asked.reason
      AND suppression.lifted_at IS NULL
      AND coalesce(suppression.expires_at, 'infinity') >= asked.lasts_until)
"""
"""Those not suppressed already, for the same reason and as long."""

KEEP = """
INSERT INTO suppression (id, email, reason, source, created_at, expires_at)
SELECT id, email, reason, source, $now, nullif(lasts_until, 'infinity') FROM fresh_suppression
"""

LEAVING = """
CREATE OR REPLACE TEMP TABLE leaving_contact AS
SELECT contact.id AS contact_id,
    coalesce(arg_max(status_of_suppression(asked.reason), firmness(status_of_suppression(asked.reason))),
        'suppressed') AS exit_reason
FROM (SELECT DISTINCT email, reason FROM suppressing) AS asked JOIN contact ON contact.email = asked.email
GROUP BY contact.id
"""

TIGHTEN = """
UPDATE contact SET status = leaving_contact.exit_reason, updated_at = $now
FROM leaving_contact
WHERE contact.id = leaving_contact.contact_id AND firmness(leaving_contact.exit_reason) > firmness(contact.status)
"""

HAS_RUN_OUT = "SELECT 1 FROM suppression WHERE lifted_at IS NULL AND expires_at <= $now LIMIT 1"

LAPSING_BY_TIME = """
CREATE OR REPLACE TEMP TABLE lapsing AS
SELECT id, email, reason, expires_at AS ends_at FROM suppression WHERE lifted_at IS NULL AND expires_at <= $now
"""

LAPSE = "UPDATE suppression SET lifted_at = lapsing.ends_at FROM lapsing WHERE suppression.id = lapsing.id"

LOOSEN = """
UPDATE contact SET status = coalesce(remaining.status, 'active'), updated_at = $now
FROM lapsing
LEFT JOIN (
    SELECT email, arg_max(status_of_suppression(reason), firmness(status_of_suppression(reason))) AS status
    FROM suppression
    WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
      AND email IN (SELECT email FROM lapsing)
    GROUP BY email
) AS remaining ON remaining.email = lapsing.email
WHERE contact.email = lapsing.email AND contact.status = status_of_suppression(lapsing.reason)
"""

OF_ADDRESS = """
SELECT * FROM suppression
WHERE email = $email AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
ORDER BY created_at, id
"""

PAGE = """
SELECT *, count(*) OVER () AS total FROM suppression
WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
  AND ($reason::VARCHAR IS NULL OR reason = $reason)
  AND ($q::VARCHAR IS NULL OR contains(email, lower($q)))
ORDER BY created_at DESC, id DESC
LIMIT $limit OFFSET $offset
"""


def suppress(
    connection: Connection,
    email: str,
    reason: SuppressionReason,
    now: datetime,
    *,
    source: str,
    expires_at: datetime | None = None,
) -> UUID:
    """Mail this folded address no more, from this moment; its contact's open enrollments exit.

    Conflict where it is suppressed for that reason already, and for as long. A second reason is kept beside
    the first.
    """
    if expires_at is not None and expires_at <= now:
        raise BadInput("expiresAt lies in the past; leave it out for a suppression that stays.")
    row = {"email": email, "reason": reason.value, "source": source, "expires_at": expires_at}
    with offered(connection, "suppressing", pl.DataFrame([row], schema=SUPPRESSING_COLUMNS)):
        suppress_staged(connection, now)
    found = connection.execute("SELECT id FROM fresh_suppression").fetchone()
    if found is None:
        raise Conflict(f"{email} is suppressed already ({reason}).")
    return found[0]


def suppress_staged(connection: Connection, now: datetime) -> int:
    """The same for all of `suppressing`, once each however often it is told; answers how many are new."""
    parameters = {"now": now}
    connection.execute(FRESH)
    (fresh,) = connection.execute(KEEP, parameters).fetchone() or (0,)
    connection.execute(LEAVING)
    connection.execute(TIGHTEN, parameters)
    exit_contacts(connection, now)
    return fresh


def lift_suppression(
    connection: Connection, suppression_id: UUID, now: datetime, *, who: str, force: bool = False
) -> None:
    """Mail the address again; it revives no enrollment. Conflict where only the person may, without `force`."""
    found = [row for row in _active(connection, suppression_id, now) if row["id"] == suppression_id]
    if not found:
        raise NotFound("There is no such suppression.")
    _lift(connection, found, now, who=who, force=force)


def lift_address(connection: Connection, email: str, now: datetime, *, who: str, force: bool = False) -> int:
    """The same for every suppression of a folded address, or for none; answers how many there were."""
    found = suppressions_of(connection, email, now)
    if not found:
        raise NotFound(f"{email} is not suppressed.")
    _lift(connection, found, now, who=who, force=force)
    return len(found)


def expire_suppressions(connection: Connection, now: datetime) -> int:
    """End what has run out, and give its contacts back the status that is left to them; answers how many.

    For the start of every tick; enrolling does it too, so that nobody waits for a tick.
    """
    if connection.execute(HAS_RUN_OUT, {"now": now}).fetchone() is None:
        return 0
    connection.execute(LAPSING_BY_TIME, {"now": now})
    return _lapse(connection, now)


def suppressions_of(connection: Connection, email: str, now: datetime) -> list[dict[str, Any]]:
    """Why this folded address is not mailed at present, oldest reason first; empty where it is."""
    return rows_as_dicts(connection, OF_ADDRESS, {"email": email, "now": now})


def suppression_of(connection: Connection, suppression_id: UUID, now: datetime) -> dict[str, Any] | None:
    """One suppression that holds at present; None where there is none of this id."""
    return next(
        (row for row in _active(connection, suppression_id, now) if row["id"] == suppression_id), None
    )


def suppressions_page(
    connection: Connection,
    now: datetime,
    *,
    reason: str | None = None,
    q: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """What is suppressed at present, newest first; every row carries the `total`."""
    parameters = {"now": now, "reason": reason, "q": q, "limit": limit, "offset": offset}
    return rows_as_dicts(connection, PAGE, parameters)


def _active(connection: Connection, suppression_id: UUID, now: datetime) -> list[dict[str, Any]]:
    row = connection.execute(
        "SELECT email FROM suppression WHERE id = $id", {"id": suppression_id}
    ).fetchone()
    return suppressions_of(connection, row[0], now) if row else []


def _lift(
    connection: Connection, found: list[dict[str, Any]], now: datetime, *, who: str, force: bool
) -> None:
    firm = [row for row in found if row["reason"] not in LIFTABLE]
    if firm and not force:
        raise Conflict(
            f"{firm[0]['email']} is suppressed by the person's own act ({firm[0]['reason']}), and only the person "
            "takes that back; force lifts it, and keeps in the audit who did."
        )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE lapsing AS SELECT id, email, reason, $now::TIMESTAMPTZ AS ends_at "
        "FROM suppression WHERE list_contains($ids::UUID[], id)",
        {"now": now, "ids": [row["id"] for row in found]},
    )
    _lapse(connection, now)
    for row in found:
        details = {"email": row["email"], "reason": row["reason"], "forced": row in firm}
        write_audit(connection, now, who=who, what="suppression.lift", details=details)


def _lapse(connection: Connection, now: datetime) -> int:
    (lapsed,) = connection.execute(LAPSE).fetchone() or (0,)
    if lapsed:
        connection.execute(LOOSEN, {"now": now})
    return lapsed
