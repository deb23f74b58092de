"""Sending domains and the senders on them (SPEC 1)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, rows_as_dicts

ADD_DOMAIN = """
INSERT INTO domain (id, name, verified, created_at, warmup_state, warmup_start, warmup_factor, warmup_target,
    warmup_pacing, warmup_hold_target, warmup_midnights)
VALUES ($id, $name, $verified, $now, 'inactive', 25, 1.5, 5000, true, false, 0)
"""

ADD_SENDER = """
INSERT INTO sender (id, domain_id, email, name, reply_to, verified, is_default, created_at)
SELECT $id, $domain_id, $email, $name, $reply_to, domain.verified,
    NOT EXISTS (SELECT 1 FROM sender WHERE is_default AND deleted_at IS NULL), $now
FROM domain WHERE domain.id = $domain_id
"""


def add_domain(connection: Connection, name: str, now: datetime, *, verified: bool) -> UUID:
    """A new sending domain without a limit; `verified` is the operator's word. Conflict where it is known."""
    folded = name.strip().lower()
    if connection.execute("SELECT 1 FROM domain WHERE name = $name", {"name": folded}).fetchone():
        raise Conflict(f"The domain {folded} is there already.")
    domain_id = new_id()
    connection.execute(ADD_DOMAIN, {"id": domain_id, "name": folded, "verified": verified, "now": now})
    return domain_id


def add_sender(
    connection: Connection,
    domain_id: UUID,
    email: str,
    now: datetime,
    *,
    name: str | None = None,
    reply_to: str | None = None,
) -> UUID:
    """A From address on a domain; it is verified where its domain is, and the first one is the default."""
    domain = get_domain(connection, domain_id)
    folded = email.strip().lower()
    if not folded.endswith(f"@{domain['name']}"):
        raise BadInput(f"{email} is not an address on {domain['name']}.")
    known = connection.execute(
        "SELECT 1 FROM sender WHERE email = $email AND deleted_at IS NULL", {"email": folded}
    ).fetchone()
    if known:
        raise Conflict(f"The sender {folded} is there already.")
    sender_id = new_id()
    connection.execute(
        ADD_SENDER,
        {
            "id": sender_id,
            "domain_id": domain_id,
            "email": folded,
            "name": name,
            "reply_to": reply_to,
            "now": now,
        },
    )
    return sender_id


def set_default(connection: Connection, sender_id: UUID) -> None:
    """The sender that sequences without one use; exactly one is it."""
    get_sender(connection, sender_id)
    connection.execute("UPDATE sender SET is_default = (id = $id)", {"id": sender_id})


def release_sender(connection: Connection, sender_id: UUID) -> None:
    """Lift the hold that a refusal put on a sender."""
    get_sender(connection, sender_id)
    connection.execute(
        "UPDATE sender SET held_at = NULL, hold_reason = NULL WHERE id = $id", {"id": sender_id}
    )


def get_domain(connection: Connection, domain_id: UUID) -> dict[str, Any]:
    """One domain with its warmup columns."""
    rows = rows_as_dicts(connection, "SELECT * FROM domain WHERE id = $id", {"id": domain_id})
    if not rows:
        raise NotFound("There is no such domain.")
    return rows[0]


def domains(connection: Connection) -> list[dict[str, Any]]:
    """All domains by name."""
    return rows_as_dicts(connection, "SELECT * FROM domain ORDER BY name, id")


def get_sender(connection: Connection, sender_id: UUID) -> dict[str, Any]:
    """One sender that is not deleted."""
    rows = rows_as_dicts(
        connection, "SELECT * FROM sender WHERE id = $id AND deleted_at IS NULL", {"id": sender_id}
    )
    if not rows:
        raise NotFound("There is no such sender.")
    return rows[0]


def senders(connection: Connection) -> list[dict[str, Any]]:
    """All senders, oldest first."""
    return rows_as_dicts(connection, "SELECT * FROM sender WHERE deleted_at IS NULL ORDER BY created_at, id")
