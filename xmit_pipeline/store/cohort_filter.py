"""An operator's own condition on contacts, in SQL: one expression over a person's columns, and nothing else.

DuckDB parses it and the tree is read here: what is not on the lists below is refused. It is run in the very text that
was parsed, so nothing can be smuggled past the parser.
"""

import json
from typing import Any

import duckdb

from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.connection import Connection

COLUMNS = (
    "email", "first_name", "last_name", "timezone", "created_at", "metadata", "last_delivered_at",
    "last_opened_at", "last_clicked_at",
)  # fmt: skip
"""What a condition may read; `metadata` is JSON: `metadata ->> 'plan' = 'gold'`."""

FUNCTIONS = frozenset({
    "->", "->>", "+", "-", "*", "/", "||", "~~", "!~~", "~~*", "!~~*", "like_escape", "lower", "upper", "trim",
    "length", "starts_with", "ends_with", "contains", "split_part", "replace", "substring", "substr", "left", "right",
    "coalesce", "nullif", "abs", "round", "floor", "ceil", "greatest", "least", "date_trunc", "date_part", "year",
    "month", "day", "json_extract", "json_extract_string", "json_array_length", "json_contains", "list_contains",
    "regexp_matches", "regexp_full_match", "list_value", "prefix", "suffix",
})  # fmt: skip
KINDS = frozenset({"COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "FUNCTION", "OPERATOR", "CAST", "CASE",
                   "BETWEEN"})  # fmt: skip

EXAMPLE = "such as  metadata ->> 'plan' = 'gold' AND created_at < '2025-01-01'"


def conditioned(connection: Connection, table: str, condition: str) -> str:
    """A query for the `contact_id`s of a temporary table that a condition holds for.

    The table has `COLUMNS`. BadInput, with what is wrong, for anything but one plain condition.
    """
    query = f"SELECT contact_id FROM {table} WHERE (\n{condition}\n)"  # noqa: S608  (read as a tree below)
    _check(_tree(connection, query), table)
    return query


def matching(connection: Connection, table: str, condition: str, into: str) -> None:
    """The matching `contact_id`s as another temporary table; all of them for a blank condition."""
    query = conditioned(connection, table, condition.strip() or "true")
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS {query}")
    except duckdb.Error as error:
        raise BadInput(f"The condition can't be applied: {_words(error)}") from error


def _tree(connection: Connection, query: str) -> dict[str, Any]:
    """DuckDB's own parse of exactly one statement."""
    if ";" in query:
        raise BadInput(f"A condition is one expression without a semicolon, {EXAMPLE}.")
    try:
        (text,) = connection.execute("SELECT json_serialize_sql($query)", {"query": query}).fetchone() or (
            "{}",
        )
    except duckdb.Error as error:
        raise BadInput(f"The condition is not SQL that DuckDB reads: {_words(error)}") from error
    parsed = json.loads(text)
    if parsed.get("error"):
        raise BadInput(
            f"The condition is not SQL that DuckDB reads: {parsed.get('error_message')}; {EXAMPLE}."
        )
    if len(parsed["statements"]) != 1:
        raise BadInput(f"A condition is one expression, {EXAMPLE}.")
    return parsed["statements"][0]["node"]


def _check(node: dict[str, Any], table: str) -> None:
    plain = (
        node["type"] == "SELECT_NODE"
        and node["from_table"].get("table_name") == table
        and not node["modifiers"]
        and not node["group_expressions"]
        and node["having"] is None
        and node["qualify"] is None
        and node["sample"] is None
        and not node["cte_map"]["map"]
    )
    if not plain or node["where_clause"] is None:
        raise BadInput(f"A condition is one expression over a contact's columns, {EXAMPLE}.")
    _check_expression(node["where_clause"])


def _check_expression(part: object) -> None:
    """Everything below one expression: its kind, its columns, its functions."""
    if isinstance(part, list):
        for each in part:
            _check_expression(each)
    elif isinstance(part, dict):
        if "class" in part:
            _check_kind(part)
        for name, each in part.items():
            if name != "value":  # a constant's own
                _check_expression(each)


def _check_kind(part: dict[str, Any]) -> None:
    kind = part["class"]
    if kind not in KINDS:
        raise BadInput(
            f"A condition can't hold a {kind.lower().replace('_', ' ')}: it reads the columns of one contact alone."
        )
    if kind == "COLUMN_REF" and (len(part["column_names"]) != 1 or part["column_names"][0] not in COLUMNS):
        name = ".".join(part["column_names"])
        raise BadInput(f"A condition can't read {name!r}; there are {', '.join(COLUMNS)}.")
    if kind == "FUNCTION" and (part["function_name"].lower() not in FUNCTIONS or part.get("schema")):
        raise BadInput(f"A condition can't use the function {part['function_name']!r}.")


def _words(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
