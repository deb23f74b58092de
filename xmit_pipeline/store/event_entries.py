"""What is in webhook bodies: the keys of every entry as columns, and what it means (SPEC 7).

Everything is taken as optional text: SendGrid leaves out, adds and retypes keys. No store and no files.
"""

import json
from dataclasses import dataclass

import duckdb
import polars as pl

from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.event_ids import uuid_bytes

KEYS = (
    "event", "timestamp", "email", "sg_event_id", "xmit_message", "xmit_request", "url", "attempt", "ip",
    "sg_machine_open", "type", "status", "reason", "bounce_classification", "useragent", "sg_message_id",
    "response",
)  # fmt: skip

KNOWN_KINDS = (
    "processed", "deferred", "delivered", "bounce", "dropped", "open", "click", "spamreport", "unsubscribe",
    "group_unsubscribe", "group_resubscribe",
)  # fmt: skip
"""SendGrid's kinds whose keys all have a column, or a place in the body alone; of others the entry is kept whole."""
_SHAPE = json.dumps([dict.fromkeys(KEYS, "VARCHAR")])
"""What is read of entries; anything that is no text becomes its JSON text, and what is missing NULL."""
_AS_STRING_VIEWS = {"produce_arrow_string_view": True, "arrow_output_version": "1.4"}
"""Polars keeps texts as DuckDB hands them over, instead of copying each."""

ENTRY = ["body", "position"]
UNREADABLE = (duckdb.DataError, duckdb.InvalidInputException, pl.exceptions.ComputeError)
"""What a body's content may raise; anything else is a fault of the machine."""

RAWS = """
SELECT body, unnest(range(len(raws)))::UINTEGER AS position, coalesce(unnest(raws)::VARCHAR, 'null') AS raw
FROM (SELECT body, from_json(content, '["JSON"]') AS raws FROM given)
"""

ENTRIES = """
WITH keyed AS (SELECT body, from_json(content, '{shape}') AS keys FROM given),
told AS (
    SELECT body, CASE WHEN keys IS NULL THEN error('The body is no JSON array.') ELSE keys END AS keys FROM keyed
),
entry AS (SELECT body, unnest(range(len(keys)))::UINTEGER AS position, unnest(keys) AS key FROM told),
parsed AS (SELECT body, position, unnest(key) FROM entry),
timed AS (
    SELECT *, coalesce(nullif(lower(trim(event)), ''), 'malformed') AS kind,
        lower(CASE WHEN contains(email, ' ') THEN trim(email) ELSE email END) AS address,
        TRY_CAST(timestamp AS DOUBLE) AS seconds,
        CASE WHEN kind = 'bounce'
            THEN coalesce(status, regexp_extract(reason, '[245]\\.[0-9]{{1,3}}\\.[0-9]{{1,3}}'), '') END AS code,
        CASE WHEN kind IN ('bounce', 'dropped') THEN lower(trim(coalesce(reason, ''))) END AS words
    FROM parsed
)
SELECT body, position, kind, address AS email, sg_event_id, xmit_message, xmit_request, url, attempt, ip,
    useragent, response, reason, status, type,
    CASE WHEN seconds BETWEEN 946684800 AND 4102444800 THEN make_timestamp((seconds * 1000000)::BIGINT) END
        AS happened_at,
    lower(coalesce(sg_machine_open, '')) IN ('true', '1') AS machine,
    {effect} AS effect,
    {suppresses} AS suppresses,
    md5_number_lower(concat(kind, chr(31), address, chr(31), timestamp, chr(31), sg_event_id, chr(31), xmit_message,
        chr(31), xmit_request, chr(31), url, chr(31), attempt, chr(31), ip, chr(31), sg_machine_open, chr(31), type,
        chr(31), status, chr(31), reason, chr(31), bounce_classification, chr(31), useragent, chr(31), sg_message_id))
        AS identity
FROM timed
"""
"""`identity` tells contents apart: everything that acts or counts is in it."""

ABOUT_CONTENT = """(
    CASE WHEN bounce_classification IS NOT NULL THEN lower(bounce_classification) = 'content'
    ELSE regexp_matches(code, '^[245]\\.(2\\.3|3\\.4|6\\.[0-9]+)$')
        OR regexp_matches(words, 'spam|virus|malware|content|attachment|(message|mail).{0,20} (size|too (big|large))')
    END)"""
"""A refusal of this mail, not of this address: its size (RFC 3463 X.2.3, X.3.4) or what is in it (X.6.x, words)."""

PERMANENT = "(type = 'bounce' OR (type IS NULL AND NOT starts_with(code, '4')))"
"""A type may be missing, as on bounces that come days after the mail was taken: then the status decides."""

EFFECT = f"""CASE kind
    WHEN 'delivered' THEN 'delivered'
    WHEN 'open' THEN 'opened'
    WHEN 'click' THEN 'clicked'
    WHEN 'spamreport' THEN 'complained'
    WHEN 'unsubscribe' THEN 'unsubscribed'
    WHEN 'group_unsubscribe' THEN 'unsubscribed'
    WHEN 'dropped' THEN 'dropped'
    WHEN 'bounce' THEN CASE WHEN {PERMANENT} THEN 'bounced'
        WHEN coalesce(type, 'blocked') <> 'blocked' OR {ABOUT_CONTENT} THEN 'blocked' ELSE 'soft' END
END"""
"""`soft`: blocked, and counted against the address. Any other type than SendGrid's two acts on nobody."""

SUPPRESSES = f"""CASE kind
    WHEN 'spamreport' THEN 'complaint'
    WHEN 'unsubscribe' THEN 'unsubscribe'
    WHEN 'group_unsubscribe' THEN 'unsubscribe'
    WHEN 'bounce' THEN CASE WHEN {PERMANENT} THEN 'bounce' END
    WHEN 'dropped' THEN CASE words
        WHEN 'bounced address' THEN 'bounce'
        WHEN 'invalid' THEN 'bounce'
        WHEN 'spam reporting address' THEN 'complaint'
        WHEN 'unsubscribed address' THEN 'unsubscribe'
    END
END"""


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of whole bodies.

    `rows`: body and position (which entry of which body, both from 0), raw (JSON text; of a kind that SendGrid does
    not document), kind, email (folded), sg_event_id, url, attempt, ip, useragent, response, reason, status, type,
    happened_at (when received, where it says no time), machine, effect, suppresses, identity, message_id and
    request_id (16 bytes; null: none of ours). `broken`: bodies that can't be read, and why.
    """

    rows: pl.DataFrame
    broken: dict[int, str]


def reader() -> Connection:
    """A database in memory that reads bodies, for as long as there are some."""
    return duckdb.connect(config={"threads": 1, **_AS_STRING_VIEWS})


def read_entries(connection: Connection, bodies: pl.DataFrame) -> Entries:
    """Every entry of bodies (`content`: bytes, `received_at`), by a `reader`; a broken body spoils no other."""
    numbered = bodies.select("content", "received_at").with_row_index("body")
    found, broken = _read(connection, numbered.select("body", "content"))
    rows = pl.concat(found)
    received_at = numbered.get_column("received_at").gather(rows.get_column("body"))
    told_at = pl.col("happened_at").dt.replace_time_zone("UTC")
    return Entries(
        rows.drop("xmit_message", "xmit_request").with_columns(
            uuid_bytes(connection, rows.get_column("xmit_message"), "msg").alias("message_id"),
            _request_ids(connection, rows.get_column("xmit_request")),
            happened_at=told_at.fill_null(received_at),
        ),
        broken,
    )


def _request_ids(connection: Connection, told: pl.Series) -> pl.Series:
    """As `uuid_bytes`; a thousand entries mostly name one request."""
    different = told.unique()
    ids = pl.DataFrame([different, uuid_bytes(connection, different, "req").alias("request_id")])
    return (
        told.to_frame()
        .join(ids, on=told.name, how="left", nulls_equal=True, maintain_order="left")
        .get_column("request_id")
    )


def _read(connection: Connection, bodies: pl.DataFrame) -> tuple[list[pl.DataFrame], dict[int, str]]:
    """Halves what can't be read as a whole, until the bodies at fault stand alone."""
    try:
        return [_parsed(connection, bodies)], {}
    except UNREADABLE as error:
        if bodies.height == 1:
            return _salvage(connection, bodies, str(error))
    middle = bodies.height // 2
    first, second = _read(connection, bodies[:middle]), _read(connection, bodies[middle:])
    return first[0] + second[0], first[1] | second[1]


def _salvage(
    connection: Connection, body: pl.DataFrame, fault: str
) -> tuple[list[pl.DataFrame], dict[int, str]]:
    """A body with letters that are no Unicode loses those letters, and no event."""
    number, content = body.row(0)
    try:
        entries = json.loads(content.decode("utf-8-sig", "replace"))
        clean = json.dumps(entries, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")
        return [_parsed(connection, body.with_columns(content=pl.lit(clean)))], {}
    except (ValueError, RecursionError, *UNREADABLE):
        return [_parsed(connection, body.clear())], {number: fault}


def _parsed(connection: Connection, bodies: pl.DataFrame) -> pl.DataFrame:
    texts = bodies.with_columns(pl.col("content").cast(pl.String))
    with offered(connection, "given", texts):
        rows = frame(connection, _QUERY)
    strange = rows.filter(~pl.col("kind").is_in(KNOWN_KINDS))
    if strange.is_empty():
        return rows.with_columns(raw=pl.lit(None, pl.String))
    with offered(connection, "given", texts.join(strange.select("body").unique(), on="body")):
        raws = frame(connection, RAWS).join(strange.select(ENTRY), on=ENTRY)
    return rows.join(raws, on=ENTRY, how="left", maintain_order="left")


_QUERY = ENTRIES.format(shape=_SHAPE, effect=EFFECT, suppresses=SUPPRESSES)
