"""`xmit keys`: create, list, revoke."""

from xmit_pipeline.cli.console import err, out, table_of, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.keys import create_key, keys, revoke_key


def create(name: str) -> None:
    """Print a new key, once, alone on the last line."""
    if not name.strip():
        raise BadInput("Give the key a name, so that you can tell it from others later.")
    with opened_store() as (store, _), store.transaction() as connection:
        key = create_key(connection, name.strip(), WallClock().now())
    err.print(f"Key {name.strip()!r} made. It is shown this once; keep it safe.")
    write_plain(key)


def show() -> None:
    """A table of all keys."""
    with opened_store() as (store, _), store.snapshot() as connection:
        rows = keys(connection)
    table = table_of(["name", "begins with", "made", "last used", "state"])
    for row in rows:
        used = f"{row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never"
        state = "revoked" if row["revoked_at"] else "live"
        table.add_row(row["name"], row["hint"], f"{row['created_at']:%Y-%m-%d %H:%M}", used, state)
    out.print(table if rows else "No keys yet: `xmit keys create NAME` makes one.")


def revoke(name: str) -> None:
    """Revoke by name or first characters."""
    with opened_store() as (store, _), store.transaction() as connection:
        count = revoke_key(connection, name, WallClock().now())
    out.print(f"{count} key{'s' if count != 1 else ''} revoked.")
