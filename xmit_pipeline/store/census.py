"""How much of everything there is: small counts that people look at."""

from xmit_pipeline.store.connection import Connection


def contact_counts(connection: Connection) -> dict[str, int]:
    """Contacts by status, deleted ones left out."""
    return dict(
        connection.execute(
            "SELECT status, count(*) FROM contact WHERE deleted_at IS NULL GROUP BY status ORDER BY status"
        ).fetchall()
    )


def list_counts(connection: Connection) -> dict[str, int]:
    """`lists`, `members`, and `ledger`: pairs ever seen."""
    lists, members, ledger = connection.execute("""
        SELECT (SELECT count(*) FROM list WHERE deleted_at IS NULL),
            (SELECT count(*) FROM list_member), (SELECT count(*) FROM list_ledger)
    """).fetchone() or (0, 0, 0)
    return {"lists": lists, "members": members, "ledger": ledger}


def sequence_counts(connection: Connection) -> dict[str, int]:
    """Sequences by status."""
    return dict(
        connection.execute(
            "SELECT status, count(*) FROM sequence WHERE deleted_at IS NULL GROUP BY status ORDER BY status"
        ).fetchall()
    )


def enrollment_counts(connection: Connection) -> dict[str, int]:
    """Enrollments by status."""
    return dict(
        connection.execute(
            "SELECT status, count(*) FROM enrollment GROUP BY status ORDER BY status"
        ).fetchall()
    )
