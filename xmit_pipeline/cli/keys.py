"""`xmit keys`: create, list, revoke."""

from xmit_pipeline.cli.console import err, out, table_of, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.audit import write_audit
from xmit_pipeline.store.key_stamp import note_key_change
from xmit_pipeline.store.keys import KeyScope, create_key, keys, revoke_key

WHO = "xmit keys"


def create(name: str, scope: str) -> None:
    """Print a new key, once, alone on the last line."""
    if not name.strip():
        raise BadInput("Give the key a name, so that you can tell it from others later.")
    if scope not in list(KeyScope):
        raise BadInput(f"A key's scope is full (everything) or read (look only), not {scope!r}.")
    now, about = WallClock().now(), {"name": name.strip(), "scope": scope}
    with opened_store() as (store, _):
        with store.transaction() as connection:
            key = create_key(connection, name.strip(), now, KeyScope(scope))
            write_audit(connection, now, who=WHO, what="create_key", details=about)
        note_key_change(store.path)
    err.print(f"Key {name.strip()!r} made. It is shown this once; keep it safe.")
    write_plain(key)


def show() -> None:
    """A table of all keys."""
    with opened_store() as (store, _), store.snapshot() as connection:
        rows = keys(connection)
    table = table_of(["name", "begins with", "scope", "made", "last used", "state"])
    for row in rows:
        used = f"{row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never"
        state = "revoked" if row["revoked_at"] else "live"
        made = f"{row['created_at']:%Y-%m-%d %H:%M}"
        table.add_row(row["name"], row["hint"], row["scope"], made, used, state)
    out.print(table if rows else "No keys yet: `xmit keys create NAME` makes one.")


def revoke(name: str) -> None:
    """Revoke by name or first characters."""
    now = WallClock().now()
    with opened_store() as (store, _):
        with store.transaction() as connection:
            count = revoke_key(connection, name, now)
            write_audit(connection, now, who=WHO, what="revoke_key", details={"name": name})
        note_key_change(store.path)
    out.print(f"{count} key{'s' if count != 1 else ''} revoked.")
