"""Sequences as partitions of the re-engagement asset: which there are, and what their keys say (DESIGN 6)."""

import re
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.store.connection import Connection, rows_as_dicts

LONGEST_SLUG = 40

LIVING = """
SELECT id, name FROM sequence WHERE status <> 'archived' AND deleted_at IS NULL ORDER BY created_at, id
"""


def partition_key(sequence_id: UUID, name: str) -> str:
    """`win-back.seq_01k...`: the name for people, the id for the program."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_SLUG]
    return f"{slug or 'sequence'}.{public_id(Kind.SEQUENCE, sequence_id)}"


def sequence_of(key: str) -> UUID:
    """The sequence that a key names; a later name of it changes nothing."""
    _, dot, text = key.rpartition(".")
    if not dot:
        raise NotFound(f"The partition {key!r} names no sequence.")
    return parse_id(Kind.SEQUENCE, text)


def keys_by_sequence(keys: Iterable[str]) -> dict[UUID, str]:
    """Each sequence's key; one that names no sequence, made by hand in Dagster, is nobody's and stays out."""
    found: dict[UUID, str] = {}
    for key in keys:
        with suppress(NotFound):
            found[sequence_of(key)] = key
    return found


def missing_and_stale(connection: Connection, keys: list[str]) -> tuple[list[str], list[str]]:
    """Keys to add for sequences that have none, and keys whose sequence is archived or gone."""
    living = {row["id"]: row["name"] for row in rows_as_dicts(connection, LIVING)}
    known = keys_by_sequence(keys)
    missing = [partition_key(each, name) for each, name in living.items() if each not in known]
    return missing, [key for each, key in known.items() if each not in living]
