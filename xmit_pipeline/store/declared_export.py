"""What is in the store, in the form of a file that declares it; applied to the same store it changes nothing."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.store.connection import Connection, rows_as_dicts
from xmit_pipeline.store.senders import domains, senders
from xmit_pipeline.store.warmup import state_beneath

LISTS = "SELECT name, description FROM list WHERE deleted_at IS NULL ORDER BY created_at, id"

SEQUENCES = """
SELECT sequence.*, list.name AS trigger_list, sender.email AS sender
FROM sequence
LEFT JOIN list ON list.id = sequence.trigger_list_id AND list.deleted_at IS NULL
    AND sequence.trigger_type = 'list_add'
LEFT JOIN sender ON sender.id = sequence.sender_id AND sender.deleted_at IS NULL
WHERE sequence.status <> 'archived' AND sequence.deleted_at IS NULL
ORDER BY sequence.created_at, sequence.id
"""

STEPS = """
SELECT step.*, sender.email AS sender
FROM step LEFT JOIN sender ON sender.id = step.sender_id AND sender.deleted_at IS NULL
WHERE step.deleted_at IS NULL
ORDER BY step.sequence_id, step.position
"""

Entry = dict[str, Any]


def exported(connection: Connection) -> dict[str, list[Entry]]:
    """Domains, senders, lists and sequences that are not archived, under the file's own keys; empty fields left out.

    Conflict where names are not unique: a file tells sequences, and the steps of one, apart by their names.
    """
    steps = rows_as_dicts(connection, STEPS)
    sequences = rows_as_dicts(connection, SEQUENCES)
    _insist_unique((row["name"] for row in sequences), "sequences")
    return {
        "domains": [_domain(row) for row in domains(connection)],
        "senders": [_sender(row) for row in senders(connection)],
        "lists": [_filled(row) for row in rows_as_dicts(connection, LISTS)],
        "sequences": [
            _sequence(row, [step for step in steps if step["sequence_id"] == row["id"]]) for row in sequences
        ],
    }


def _domain(row: Entry) -> Entry:
    warmup = {
        "enabled": state_beneath(row) is not WarmupState.INACTIVE,
        "start": row["warmup_start"],
        "factor": float(row["warmup_factor"]),
        "target": row["warmup_target"],
        "table": row["warmup_table"],
        "pacing": row["warmup_pacing"],
        "holdTarget": row["warmup_hold_target"],
    }
    return {"name": row["name"], "verified": row["verified"], "warmup": _filled(warmup)}


def _sender(row: Entry) -> Entry:
    return _filled(
        {
            "email": row["email"],
            "name": row["name"],
            "replyTo": row["reply_to"],
            "default": row["is_default"] or None,
        }
    )


def _sequence(row: Entry, steps: list[Entry]) -> Entry:
    _insist_unique((step["name"] for step in steps), f"steps of {row['name']!r}")
    return _filled(
        {
            "name": row["name"],
            "status": row["status"],
            "triggerType": row["trigger_type"],
            "triggerList": row["trigger_list"],
            "sender": row["sender"],
            "enrollExisting": row["enroll_existing"],
            "reenroll": row["reenroll"],
            "priority": row["priority"],
            "resumeWindowMinutes": row["resume_window_minutes"],
            "steps": [_step(step) for step in steps],
        }
    )


def _step(row: Entry) -> Entry:
    return _filled(
        {
            "name": row["name"],
            "delay": _delay(row["delay_amount"], DelayUnit(row["delay_unit"])),
            "sender": row["sender"],
            "subject": row["subject"],
            "bodyHtml": row["body_html"],
            "bodyText": row["body_text"],
        }
    )


def _delay(amount: int, unit: DelayUnit) -> str:
    return f"{amount} {unit.value.removesuffix('s') if amount == 1 else unit.value}"


def _filled(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if value is not None}


def _insist_unique(names: Iterable[str], what: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        told = ", ".join(map(repr, repeated))
        raise Conflict(
            f"Several {what} are named {told}; rename all but one first: a file tells them apart by name."
        )
