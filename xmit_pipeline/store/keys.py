"""API keys: shown once, stored hashed (SPEC 8)."""

import hashlib
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.connection import Connection, rows_as_dicts

PREFIX = "pm_live_"
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARACTERS = 32
_HINT = len(PREFIX) + 4


ADD = """
INSERT INTO api_key (id, name, hash, hint, scope, created_at) VALUES ($id, $name, $hash, $hint, $scope, $now)
"""


class KeyScope(StrEnum):
    """What a key may do: everything, or only look."""

    FULL = "full"
    READ = "read"


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key that is not revoked; `name` is who the audit says it was."""

    hash: str
    name: str
    scope: KeyScope


def create_key(connection: Connection, name: str, now: datetime, scope: KeyScope = KeyScope.FULL) -> str:
    """A new key; this is the only time that its text exists."""
    key = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    made = {"id": new_id(), "name": name, "hash": hash_of(key), "hint": key[:_HINT], "scope": scope.value}
    connection.execute(ADD, {**made, "now": now})
    return key


def live_keys(connection: Connection) -> list[LiveKey]:
    """All keys that are not revoked, for a constant-time comparison by the caller."""
    rows = connection.execute("SELECT hash, name, scope FROM api_key WHERE revoked_at IS NULL").fetchall()
    return [LiveKey(key_hash, name, KeyScope(scope)) for key_hash, name, scope in rows]


def touch_key(connection: Connection, key_hash: str, now: datetime) -> None:
    """Remember when a key was last used."""
    connection.execute(
        "UPDATE api_key SET last_used_at = $now WHERE hash = $hash", {"hash": key_hash, "now": now}
    )


def keys(connection: Connection) -> list[dict[str, Any]]:
    """All keys, without their text."""
    return rows_as_dicts(
        connection,
        "SELECT id, name, hint, scope, created_at, last_used_at, revoked_at FROM api_key ORDER BY created_at, id",
    )


def revoke_key(connection: Connection, name_or_hint: str, now: datetime) -> int:
    """Revoke every live key of this name, or with these first characters; NotFound where there is none."""
    revoked = connection.execute(
        "UPDATE api_key SET revoked_at = $now WHERE revoked_at IS NULL AND (name = $name OR hint = $name) RETURNING id",
        {"name": name_or_hint, "now": now},
    ).fetchall()
    if not revoked:
        raise NotFound(f"There is no live key named {name_or_hint!r}; `xmit keys list` shows them.")
    return len(revoked)


def revoke_key_of(connection: Connection, key_id: UUID, now: datetime) -> str:
    """Revoke this one key, and answer its name; NotFound where it is no live one."""
    row = connection.execute(
        "UPDATE api_key SET revoked_at = $now WHERE revoked_at IS NULL AND id = $id RETURNING name",
        {"id": key_id, "now": now},
    ).fetchone()
    if row is None:
        raise NotFound("There is no such live key; it may be revoked already.")
    return row[0]


def hash_of(key: str) -> str:
    """SHA-256 of a key; its 190 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()
