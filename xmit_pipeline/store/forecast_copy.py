"""The throw-away store of a forecast: what matters of the live one, in memory, and nothing that sends (DESIGN 5).

The live store is read by one snapshot and stays as it is. How the copy is played forward is `forecast_play`.
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import duckdb
import polars as pl

from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.migrations import migrate

Excerpt = dict[str, pl.DataFrame]
"""Rows by the table that they come from and go to."""

RELATED = """
CREATE OR REPLACE TEMP TABLE related AS
WITH RECURSIVE pair AS (
    SELECT DISTINCT step_sender.sequence_id, step_sender.domain_id
    FROM step_sender JOIN sequence ON sequence.id = step_sender.sequence_id
    WHERE step_sender.domain_id IS NOT NULL AND sequence.deleted_at IS NULL
      AND (sequence.status = 'active' OR sequence.id = $sequence_id)
),
reached AS (
    SELECT $sequence_id::UUID AS sequence_id
    UNION
    SELECT other.sequence_id
    FROM reached
    JOIN pair AS mine ON mine.sequence_id = reached.sequence_id
    JOIN pair AS other ON other.domain_id = mine.domain_id
)
FROM reached
"""
"""The sequence itself, and every active one that it shares a domain with, be it through others."""

GROWING = """
CREATE OR REPLACE TEMP TABLE growing AS
SELECT sequence.id AS sequence_id, sequence.trigger_list_id AS list_id
FROM sequence JOIN related ON related.sequence_id = sequence.id
WHERE sequence.trigger_type = 'list_add' AND (sequence.existing_after IS NOT NULL OR sequence.status = 'draft')
UNION
SELECT list_firing.sequence_id, list_firing.list_id
FROM list_firing JOIN related ON related.sequence_id = list_firing.sequence_id
UNION
SELECT $sequence_id::UUID, $list_id::UUID WHERE $list_id IS NOT NULL
"""
"""Sequences that people are still to be enrolled in, and from which list."""

CANDIDATES = """
CREATE OR REPLACE TEMP TABLE candidate AS
SELECT DISTINCT contact.id, contact.email
FROM (
    SELECT list_member.contact_id FROM list_member
    WHERE list_member.list_id IN (SELECT list_id FROM growing)
    UNION ALL
    SELECT list_firing.contact_id FROM list_firing JOIN related ON related.sequence_id = list_firing.sequence_id
) AS coming
JOIN contact ON contact.id = coming.contact_id
"""

BARRED = """
CREATE OR REPLACE TEMP TABLE barred AS
SELECT DISTINCT email FROM suppression WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
"""

TABLES = {
    "domain": "FROM domain",
    "sender": "FROM sender",
    "sequence": "SELECT * FROM sequence WHERE id IN (SELECT sequence_id FROM related)",
    "step": "SELECT * FROM step WHERE sequence_id IN (SELECT sequence_id FROM related)",
    "list": "SELECT * FROM list WHERE id IN (SELECT list_id FROM growing)",
    "list_member": "SELECT * FROM list_member WHERE list_id IN (SELECT list_id FROM growing)",
    "list_firing": "SELECT * FROM list_firing WHERE sequence_id IN (SELECT sequence_id FROM related)",
    "list_ledger": """
        SELECT list_ledger.* FROM list_ledger
        SEMI JOIN list_firing
            ON list_firing.list_id = list_ledger.list_id AND list_firing.contact_id = list_ledger.contact_id
    """,
    "contact": """
        SELECT contact.id, contact.email, '{}' AS metadata, contact.status, contact.created_at, contact.updated_at,
            contact.deleted_at
        FROM contact SEMI JOIN candidate ON candidate.id = contact.id
    """,
    "suppression": """
        SELECT suppression.* FROM suppression SEMI JOIN candidate ON candidate.email = suppression.email
        WHERE suppression.lifted_at IS NULL
    """,
    "enrollment": """
        SELECT enrollment.* FROM enrollment
        JOIN related ON related.sequence_id = enrollment.sequence_id
        JOIN contact ON contact.id = enrollment.contact_id
        ANTI JOIN barred ON barred.email = contact.email
        WHERE enrollment.status IN ('active', 'paused') AND contact.status = 'active'
        UNION ALL BY NAME
        SELECT id, sequence_id, contact_id, 'exited' AS status, source, enrolled_at FROM enrollment
        WHERE status IN ('completed', 'exited') AND sequence_id IN (SELECT sequence_id FROM growing)
    """,
    "message": """
        SELECT message.* FROM message
        JOIN related ON related.sequence_id = message.sequence_id
        JOIN sequence ON sequence.id = message.sequence_id
        WHERE message.state IN ('claimed', 'unknown') OR sequence.reordered_at IS NOT NULL
    """,
    "request": """
        SELECT * FROM request
        WHERE quota_day >= getvariable('today') AND state IN ('claimed', 'inflight', 'accepted', 'unknown')
    """,
}
"""What a forecast needs of each table; a person's own words and the mail of the past stay where they are.

Those who have been in a sequence count as exited: that they have been is all that enrolling asks.
"""


class ThrowAwayStore:
    """A whole store in memory, for one thread; offers what `store.connection.Store` asks for."""

    def __init__(self) -> None:
        self._root = duckdb.connect(":memory:")
        self._root.execute("SET GLOBAL TimeZone = 'UTC'")
        migrate(self._root)

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """The connection; what fails here is thrown away with everything else."""
        yield self._root

    snapshot = transaction

    def close(self) -> None:
        self._root.close()


@contextmanager
def thrown_away(excerpt: Excerpt) -> Generator[ThrowAwayStore]:
    """A store that holds an excerpt, and is gone afterwards."""
    store = ThrowAwayStore()
    try:
        with store.transaction() as connection:
            for table, rows in excerpt.items():
                with offered(connection, "excerpted", rows):
                    connection.execute(f"INSERT INTO {table} BY NAME FROM excerpted")
        yield store
    finally:
        store.close()


def excerpt(connection: Connection, sequence_id: UUID, start: datetime, list_id: UUID | None) -> Excerpt:
    """What a forecast of this sequence needs, from `start` on; with the members of a list it is to enroll."""
    connection.execute(STEP_SENDERS)
    connection.execute(RELATED, {"sequence_id": sequence_id})
    connection.execute(GROWING, {"sequence_id": sequence_id, "list_id": list_id})
    connection.execute(CANDIDATES)
    connection.execute(BARRED, {"now": start})
    return {table: frame(connection, query, {"today": utc_day(start)}) for table, query in TABLES.items()}
