"""Domains, senders and lists made to be as a file declares them; none is ever deleted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import Conflict, XmitError
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.store import lists, senders, warmup
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.declared import (
    Change,
    FieldChange,
    Mark,
    Misplaced,
    Place,
    Thing,
    changed,
    fields_said,
    fields_that_differ,
)
from xmit_pipeline.store.list_rows import update_list
from xmit_pipeline.store.sender_rows import update_sender
from xmit_pipeline.store.verification import set_verified

DOMAIN = "SELECT * FROM domain WHERE name = $name"
SENDER = "SELECT * FROM sender WHERE email = $name AND deleted_at IS NULL"
LIST = "SELECT * FROM list WHERE name = $name AND deleted_at IS NULL"

WARMED_UP = frozenset({WarmupState.ACTIVE, WarmupState.COMPLETED})
"""Where `enabled: true` is fulfilled: a warmup that is done must not begin again with the next apply."""
NOT_LIMITED = frozenset({WarmupState.INACTIVE, WarmupState.COMPLETED})
"""Where `enabled: false` is fulfilled."""


def follow_domain(connection: Connection, thing: Thing, now: datetime) -> Change | None:
    """A domain by its name, with the warmup; its senders are verified where it is."""
    said = {name: value for name, value in thing.said.items() if name != "warmup"}
    row = _row(connection, DOMAIN, thing.name)
    if row is None:
        domain_id = senders.add_domain(connection, thing.name, now, verified=said.get("verified", False))
        _, warmed = _follow_warmup(connection, domain_id, thing, now)
        return Change(Mark.CREATE, "domain", thing.name, fields_said(said) + warmed)
    fields = fields_that_differ(row, said)
    if fields:
        set_verified(connection, row["id"], verified=said["verified"])
    differing, _ = _follow_warmup(connection, row["id"], thing, now)
    return changed("domain", thing.name, fields + differing)


def follow_sender(connection: Connection, thing: Thing, now: datetime) -> Change | None:
    """A sender by its address, on the domain of that address."""
    row = _row(connection, SENDER, thing.name)
    if row is None:
        return _new_sender(connection, thing, now)
    fields = fields_that_differ({**row, "default": row["is_default"]}, thing.said)
    said = thing.said
    update_sender(
        connection, row["id"],
        name=said.get("name"), renames="name" in said,
        reply_to=said.get("reply_to"), redirects="reply_to" in said,
    )  # fmt: skip
    if "default" in said:
        senders.set_default(connection, row["id"])
    return changed("sender", thing.name, fields)


def follow_list(connection: Connection, thing: Thing, now: datetime) -> Change | None:
    """A list by its name; its members are nobody's business here."""
    row = _row(connection, LIST, thing.name)
    if row is None and thing.renamed_from is not None:
        row = _row(connection, LIST, thing.renamed_from)
    if row is None:
        lists.create_list(connection, thing.name, now, thing.said.get("description"))
        return Change(Mark.CREATE, "list", thing.name, fields_said(thing.said))
    said = {"name": thing.name, **thing.said}
    describes = "description" in said
    update_list(
        connection, row["id"], name=thing.name, description=said.get("description"), describes=describes
    )
    return changed("list", row["name"], fields_that_differ(row, said))


def list_id_of(connection: Connection, name: str, place: Place) -> UUID:
    """The list of this name. Misplaced where there is none."""
    row = _row(connection, LIST, name)
    if row is None:
        raise Misplaced(place, f"There is no list named {name!r}; declare it under lists.")
    return row["id"]


def sender_id_of(connection: Connection, email: str, place: Place) -> UUID:
    """The sender of this address. Misplaced where there is none."""
    row = _row(connection, SENDER, email)
    if row is None:
        raise Misplaced(place, f"There is no sender {email}; declare it under senders.")
    return row["id"]


def _new_sender(connection: Connection, thing: Thing, now: datetime) -> Change:
    domain = _row(connection, DOMAIN, thing.name.rpartition("@")[2])
    if domain is None:
        raise Conflict(f"The domain of {thing.name} is not there; declare it under domains.")
    said = thing.said
    sender_id = senders.add_sender(
        connection, domain["id"], thing.name, now, name=said.get("name"), reply_to=said.get("reply_to")
    )
    if "default" in said:
        senders.set_default(connection, sender_id)
    return Change(Mark.CREATE, "sender", thing.name, fields_said(said))


def _follow_warmup(
    connection: Connection, domain_id: UUID, thing: Thing, now: datetime
) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]:
    """What differs from the domain as it stands, and what is said at all; both under `warmup.`."""
    said = thing.said.get("warmup", {})
    row = senders.get_domain(connection, domain_id)
    differing = [
        FieldChange(f"warmup.{name}", before, value)
        for name, value in said.items()
        if (before := _warmup_field(row, name, value)) != value
    ]
    if differing:
        given = {change.field.removeprefix("warmup."): change.after for change in differing}
        if "table" in given:
            given["table"] = given["table"] or []
        _configure(connection, domain_id, thing, now, given)
    return tuple(differing), tuple(FieldChange(f"warmup.{name}", None, value) for name, value in said.items())


def _configure(
    connection: Connection, domain_id: UUID, thing: Thing, now: datetime, given: dict[str, Any]
) -> None:
    try:
        warmup.configure(connection, domain_id, now, **given)
    except XmitError as error:
        raise Misplaced((*thing.place, "warmup"), str(error)) from error


def _warmup_field(row: dict[str, Any], name: str, said: Any) -> Any:
    """What the row has for a field of the warmup; for `enabled` what was said, where that is fulfilled."""
    if name != "enabled":
        return row[f"warmup_{name}"]
    fulfilled = warmup.state_beneath(row) in (WARMED_UP if said else NOT_LIMITED)
    return said if fulfilled else not said


def _row(connection: Connection, query: str, name: str) -> dict[str, Any] | None:
    return next(iter(rows_as_dicts(connection, query, {"name": name})), None)
