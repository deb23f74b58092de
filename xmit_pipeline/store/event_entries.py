"""What is in webhook bodies: every entry as it came, its keys as columns, and what it means (SPEC 7).

Everything is taken as optional text: SendGrid leaves out, adds and retypes keys. No store and no files written.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from xmit_pipeline.store.connection import frame, offered
from xmit_pipeline.store.event_files import received_at
from xmit_pipeline.store.event_ids import with_id

KEYS = (
    "event", "timestamp", "email", "sg_event_id", "xmit_message", "xmit_request", "url", "attempt", "ip",
    "sg_machine_open", "type", "status", "reason", "bounce_classification", "useragent", "sg_message_id",
    "response",
)  # fmt: skip

KNOWN_KINDS = (
    "processed", "deferred", "delivered", "bounce", "dropped", "open", "click", "spamreport", "unsubscribe",
    "group_unsubscribe", "group_resubscribe",
)  # fmt: skip
"""SendGrid's kinds whose keys all have a column, or a place in the archive alone; others are kept as they came."""
_SHAPE = json.dumps(dict.fromkeys(KEYS, "VARCHAR"))
"""What is read of an entry; anything that is no text becomes its JSON text, and what is missing NULL."""

OF_FILES = """
SELECT json AS raw, filename AS file
FROM read_json_objects(getvariable('files'), format = 'array', filename = true, maximum_object_size = 64000000)
"""
OF_TEXTS = "SELECT raw::JSON AS raw, file FROM salvaged"

ENTRIES = """
WITH entry AS ({source}),
keyed AS (SELECT raw::VARCHAR AS raw, file, from_json(raw, '{shape}') AS key FROM entry),
parsed AS (SELECT raw, file, unnest(key) FROM keyed),
timed AS (
    SELECT *, coalesce(nullif(lower(trim(event)), ''), 'malformed') AS kind, lower(trim(email)) AS address,
        TRY_CAST(timestamp AS DOUBLE) AS seconds,
        CASE WHEN kind = 'bounce'
            THEN coalesce(status, regexp_extract(reason, '[245]\\.[0-9]{{1,3}}\\.[0-9]{{1,3}}'), '') END AS code,
        CASE WHEN kind IN ('bounce', 'dropped') THEN lower(trim(coalesce(reason, ''))) END AS words
    FROM parsed
)
SELECT raw, file, kind, address AS email, sg_event_id, xmit_message, xmit_request, url, attempt, ip, useragent,
    response, reason, status, type,
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
    """Entries of whole bodies, each content once, and the sentences about bodies that can't be read.

    `rows`: raw (JSON text), file, received_at, kind, email (folded), sg_event_id, url, attempt, ip, useragent,
    response, reason, status, type, happened_at (when received, where it says no time), machine, effect, suppresses,
    identity, and message and request as `_high` and `_low` halves (null: none of ours).
    """

    rows: pl.DataFrame
    broken: dict[Path, str]


def read_entries(paths: Sequence[Path]) -> Entries:
    """Every entry of these bodies; one body that can't be read spoils no other."""
    with duckdb.connect() as connection:
        found, broken = _read(connection, paths)
    rows = pl.concat(found)
    came = pl.DataFrame(
        {"file": [str(path) for path in paths], "received_at": [received_at(path) for path in paths]},
        schema={"file": pl.String, "received_at": pl.Datetime("us", "UTC")},
    )
    requests = with_id(rows.lazy().select("xmit_request").unique(), "xmit_request", "req", "request")
    rows = rows.hstack(_beside(rows, "file", came)).hstack(_beside(rows, "xmit_request", requests.collect()))
    happened_at = pl.coalesce(pl.col("happened_at").dt.replace_time_zone("UTC"), "received_at")
    whole = with_id(
        rows.lazy().with_columns(happened_at.alias("happened_at")), "xmit_message", "msg", "message"
    )
    return Entries(whole.drop("xmit_message", "xmit_request").collect(), broken)


def _beside(rows: pl.DataFrame, key: str, known: pl.DataFrame) -> pl.DataFrame:
    """What is known of each row's key: a join that leaves the rows' own long texts where they are."""
    return rows.select(key).join(known, on=key, how="left", nulls_equal=True, maintain_order="left").drop(key)


def _read(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]
) -> tuple[list[pl.DataFrame], dict[Path, str]]:
    """Halves what can't be read as a whole, until the bodies at fault stand alone."""
    try:
        return [_of_files(connection, paths)], {}
    except duckdb.Error as error:
        if len(paths) > 1:
            middle = len(paths) // 2
            first, second = _read(connection, paths[:middle]), _read(connection, paths[middle:])
            return first[0] + second[0], {**first[1], **second[1]}
        return _salvage(connection, paths[0], str(error))


def _of_files(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> pl.DataFrame:
    return frame(connection, _query(OF_FILES), {"files": [str(path) for path in paths]})


def _salvage(
    connection: duckdb.DuckDBPyConnection, path: Path, fault: str
) -> tuple[list[pl.DataFrame], dict[Path, str]]:
    """A body with letters that are no Unicode loses those letters, and no event."""
    nothing = pl.DataFrame(schema={"raw": pl.String, "file": pl.String})
    try:
        body = json.loads(path.read_bytes().decode("utf-8", "replace"))
        entries = [json.dumps(each, allow_nan=False) for each in body] if isinstance(body, list) else None
        if entries is None:
            fault = "The body is no JSON array."
    except (ValueError, RecursionError, OSError):
        entries = None
    if entries is None:
        return [_parsed(connection, nothing)], {
            path: f"{path.name} holds no events that can be read: {fault}"
        }
    clean = [_without_lone_surrogates(each) for each in entries]
    return [
        _parsed(
            connection, pl.DataFrame({"raw": clean, "file": [str(path)] * len(clean)}, schema=nothing.schema)
        )
    ], {}


def _without_lone_surrogates(entry: str) -> str:
    loaded = json.dumps(json.loads(entry), ensure_ascii=False)
    return loaded.encode("utf-8", "replace").decode()


def _parsed(connection: duckdb.DuckDBPyConnection, salvaged: pl.DataFrame) -> pl.DataFrame:
    with offered(connection, "salvaged", salvaged):
        return frame(connection, _query(OF_TEXTS))


def _query(source: str) -> str:
    return ENTRIES.format(source=source, shape=_SHAPE, effect=EFFECT, suppresses=SUPPRESSES)
