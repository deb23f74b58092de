"""Entries into the store: which of them are new, and all that follows from these for messages (SPEC 7).

An entry is carried by a frame of `store.event_entries`, and is in no table before it is in `event`.
"""

from datetime import datetime

import polars as pl

from xmit_pipeline.model.addresses import ADDRESS_PATTERN
from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.event_entries import KNOWN_KINDS
from xmit_pipeline.store.event_feedback import refresh_feedback
from xmit_pipeline.store.unknown import prove

KEY = ["message_id", "identity"]
"""Two entries that agree in these say the same."""

MAILED = """
SELECT landed.place, message.email AS mailed_to
FROM message JOIN landed ON landed.message_id::UUID = message.id
"""

KNOWN = """
CREATE OR REPLACE TEMP TABLE known AS
SELECT landed.place, event.message_id, event.identity, event.folded_at
FROM event JOIN landed ON landed.message_id::UUID = event.message_id AND landed.identity = event.identity
UNION ALL
SELECT landed.place, NULL, event.identity, event.folded_at
FROM event JOIN landed ON landed.identity = event.identity
WHERE event.message_id IS NULL AND landed.message_id IS NULL
"""

FACTS = ("email", "happened_at", "kind", "effect", "suppresses", "message_id", "request_id")
"""What is asked of new entries more than once."""
COLUMNS = """sg_event_id, kind, email, happened_at, identity, effect, suppresses, url, attempt, ip, useragent,
    response, reason, status, type, machine"""

WRITE = f"""
INSERT INTO event (message_id, request_id, raw, folded_at, {COLUMNS})
SELECT message_id::UUID, request_id::UUID, CASE WHEN kind NOT IN {KNOWN_KINDS} THEN raw END, {{folded_at}}, {COLUMNS}
FROM {{rows}}
"""  # noqa: S608  (our own column names)
"""Archives from before bodies were kept have the text of every entry."""

ASK = """
INSERT INTO event_consequence (email, what, happened_at, listed)
SELECT email, coalesce(suppresses, effect), happened_at, kind = 'dropped' FROM arrived
WHERE (suppresses IS NOT NULL OR effect = 'soft') AND regexp_full_match(email, $address)
UNION ALL
SELECT email, 'soft', happened_at, false FROM arrived
WHERE effect = 'delivered'
  AND email IN (SELECT email FROM suppression WHERE source = 'soft_bounces' AND lifted_at IS NULL)
"""
"""Nothing where no address is named. A late delivery may break the row of bounces that one was suppressed for."""

PROOF = """
CREATE OR REPLACE TEMP TABLE proof AS
SELECT DISTINCT request_id::UUID AS request_id FROM arrived WHERE request_id IS NOT NULL
"""

TOUCHED = """
CREATE OR REPLACE TEMP TABLE touched_message AS
SELECT DISTINCT message_id::UUID AS message_id FROM arrived WHERE message_id IS NOT NULL AND effect IS NOT NULL
"""


def told_here(connection: Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """Each content once, at the address that was mailed: what acts, acts on that one.

    `place` tells rows apart. Leaves behind, for `take_new`, those that are in the store: the temporary table
    `known (place, message_id, identity, folded_at)`.
    `mailed_to` is null where no message of ours is meant.
    """
    rows = once_each(rows).with_row_index("place")
    with offered(connection, "landed", rows.select("place", "message_id", "identity")):
        connection.execute(KNOWN)
        mailed = frame(connection, MAILED)
    rows = rows.hstack(
        rows.select("place").join(mailed, on="place", how="left", maintain_order="left").drop("place")
    )
    mailed_to = pl.col("mailed_to")
    return rows.with_columns(email=pl.when(mailed_to != "").then(mailed_to).otherwise("email"))


def take_new(connection: Connection, rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Write those of `told_here` that are not `known`; answers their kinds, with count and orphans."""
    known = frame(connection, "SELECT place FROM known")
    if known.height:
        rows = rows.join(known, on="place", how="anti")
    with offered(connection, "worded", rows):
        connection.execute(WRITE.format(folded_at="$now", rows="worded"), {"now": now})
    with offered(connection, "arrived", rows.select(FACTS)):
        connection.execute(ASK, {"address": ADDRESS_PATTERN})
        connection.execute(PROOF)
        connection.execute(TOUCHED)
    prove(connection, now)
    refresh_feedback(connection)
    return rows.group_by("kind").agg(count=pl.len(), orphans=pl.col("mailed_to").null_count())


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one content once."""
    if rows.get_column("identity").n_unique() == rows.height:
        return rows
    return rows.unique(subset=KEY, keep="any")
