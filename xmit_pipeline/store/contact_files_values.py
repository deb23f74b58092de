"""The SQL expressions that each column's role makes of its values; the statements are in `contact_files_sql`.

Column n of the file is c<n>: text with blank as NULL or, where a Parquet column is no text, JSON as it will
stand in the metadata.
"""

from collections.abc import Collection, Iterable

from xmit_pipeline.model.addresses import (
    ADDRESS_EDGES,
    ADDRESS_FAULTS,
    ADDRESS_LENGTH,
    ADDRESS_PATTERN,
    LOCAL_PART_LENGTH,
    NO_ADDRESS,
    NOT_AN_ADDRESS,
)
from xmit_pipeline.model.column_roles import KEPT_AS_METADATA, Role
from xmit_pipeline.model.columns import Column, ColumnMap
from xmit_pipeline.model.standing import NO_WORDS, STANDING_WORDS, Standing

_VALUE_LENGTH = 10_000

EDGES = {"edges": ADDRESS_EDGES, "dirt": rf"^[{ADDRESS_EDGES}]|[{ADDRESS_EDGES}]$|\x00"}

_NULL = "NULL::VARCHAR"
_WHOLE_NUMBERS = frozenset(
    sign + size for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)
_NESTED = ("STRUCT", "MAP", "UNION", "JSON")
_FLAG_STANDINGS = {
    Role.UNSUBSCRIBED: Standing.UNSUBSCRIBED,
    Role.SUBSCRIBED: Standing.UNSUBSCRIBED,
    Role.BOUNCED: Standing.BOUNCED,
    Role.COMPLAINED: Standing.COMPLAINED,
}


def cleaned(value: str) -> str:
    """The text without edges and NUL characters, NULL where nothing is left; EDGES are its parameters."""
    return (
        f"nullif(CASE WHEN regexp_matches({value}, $dirt) "
        f"THEN trim(replace({value}, chr(0), ''), $edges) ELSE {value} END, '')"
    )


def address_fault(address: str) -> str:
    """Why a cleaned address can't be mailed, NULL for a good one; the rule is `model.addresses`."""
    faults = " ".join(
        f"WHEN regexp_matches({address}, {_literal(pattern)}) THEN {_literal(sentence)}"
        for pattern, sentence in ADDRESS_FAULTS
    )
    return f"""
        CASE
            WHEN {address} IS NULL THEN {_literal(NO_ADDRESS)}
            WHEN length({address}) <= {ADDRESS_LENGTH}
                AND strpos({address}, '@') <= {LOCAL_PART_LENGTH + 1}
                AND regexp_full_match({address}, {_literal(ADDRESS_PATTERN)}) THEN NULL
            {faults}
            ELSE {_literal(NOT_AN_ADDRESS)}
        END"""


def parquet_value(name: str, kind: str) -> tuple[str, bool]:
    """A Parquet column of a DuckDB type as text, and whether that text is JSON."""
    if kind in _WHOLE_NUMBERS or kind == "BOOLEAN" or kind.startswith("DECIMAL"):
        return f"to_json({name})::VARCHAR", True
    if kind in {"FLOAT", "DOUBLE"}:
        return f"CASE WHEN isfinite({name}) THEN to_json({name})::VARCHAR END", True
    if kind.endswith("]") or kind.startswith(_NESTED):
        # what JSON has no word for (not a number, infinity) leaves the value as text
        json = f"nullif(to_json({name})::VARCHAR, 'null')"
        return f"CASE WHEN {_is_json(json)} THEN json({json}) ELSE to_json({json}) END::VARCHAR", True
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')", False
    return f"{name}::VARCHAR", False


def row_expressions(columns: ColumnMap, json_places: Collection[int]) -> dict[str, str]:
    """What STAGE_ROWS is filled with; `json_places` are the columns whose values are JSON already."""
    every = [f"c{place}" for place in range(len(columns.columns))]
    attributes = _value(columns, Role.ATTRIBUTES)
    first_name, last_name = _names(columns)
    return {
        "cleaned": ", ".join(f"{cleaned(value)} AS {value}" for value in every),
        "columns": ", ".join(every),
        "address": _value(columns, Role.EMAIL),
        "first_name": first_name,
        "last_name": last_name,
        "timezone": _value(columns, Role.TIMEZONE),
        "standing": _standing(columns),
        "metadata": _metadata(columns, json_places),
        "attributes": attributes,
        "address_fault": address_fault("address"),
        "long_header": _long_header(columns),
        "good_attributes": f"{attributes} IS NULL OR ({_is_json(attributes)} AND {attributes} LIKE '{{%')",
        "attributes_header": _first(_header(place) for place, _ in _places(columns, Role.ATTRIBUTES)),
        "value_length": f"{_VALUE_LENGTH:,}",
        "undecided": f"{Standing.UNDECIDED:d}",
        "undecided_word": _undecided_word(columns),
    }


def _places(columns: ColumnMap, *roles: Role) -> list[tuple[int, Column]]:
    return [(place, column) for place, column in enumerate(columns.columns) if column.role in roles]


def _value(columns: ColumnMap, role: Role) -> str:
    return _first(f"c{place}" for place, _ in _places(columns, role))


def _first(expressions: Iterable[str]) -> str:
    return next(iter(expressions), _NULL)


def _names(columns: ColumnMap) -> tuple[str, str]:
    """First and last name; a column with both is cut at its first space."""
    for place, _ in _places(columns, Role.FULL_NAME):
        whole = f"c{place}"
        rest = f"CASE WHEN contains({whole}, ' ') THEN ltrim(substr({whole}, strpos({whole}, ' ') + 1)) END"
        return f"split_part({whole}, ' ', 1)", rest
    return _value(columns, Role.FIRST_NAME), _value(columns, Role.LAST_NAME)


def _standing(columns: ColumnMap) -> str:
    """The highest standing that any column of the row speaks of."""
    standings = [_word_standing(place) for place, _ in _places(columns, Role.STATUS)]
    for place, column in _places(columns, *_FLAG_STANDINGS):
        said = "IN" if column.role is Role.SUBSCRIBED else "NOT IN"
        standings.append(
            f"CASE WHEN lower(c{place}) {said} {_listed(NO_WORDS)} THEN {_FLAG_STANDINGS[column.role]:d} END"
        )
    return f"coalesce(greatest({', '.join(standings)}), 0)" if standings else "0"


def _word_standing(place: int) -> str:
    """The standing that a word of status means, NULL for a word that is none."""
    words = ", ".join(
        f"{_literal(word)}: {standing:d}" for standing, words in STANDING_WORDS.items() for word in words
    )
    return f"MAP {{{words}}}[lower(regexp_replace(c{place}, '[^A-Za-z]+', '', 'g'))]"


def _undecided_word(columns: ColumnMap) -> str:
    words = [
        f"CASE WHEN {_word_standing(place)} = {Standing.UNDECIDED:d} THEN c{place} END"
        for place, _ in _places(columns, Role.STATUS)
    ]
    return f"coalesce({', '.join(words)})" if words else _NULL


def _metadata(columns: ColumnMap, json_places: Collection[int]) -> str:
    """A JSON object of the filled-in values; of a status column those that are no word of status."""
    entries: list[str] = []
    for place, column in _places(columns, *KEPT_AS_METADATA):
        entry = f"'\"{column.key}\":' || " + (f"c{place}" if place in json_places else f"to_json(c{place})")
        if column.role is Role.STATUS:
            entry = f"CASE WHEN {_word_standing(place)} IS NULL THEN {entry} END"
        entries.append(entry)
    return f"'{{' || concat_ws(',', {', '.join(entries)}) || '}}'" if entries else "'{}'"


def _long_header(columns: ColumnMap) -> str:
    """The header of the first value that is too long; an address has a limit of its own."""
    cases = " ".join(
        f"WHEN length(c{place}) > {_VALUE_LENGTH} THEN {_header(place)}"
        for place, column in enumerate(columns.columns)
        if column.role not in (Role.EMAIL, Role.LEFT_OUT)
    )
    return f"CASE {cases} END" if cases else _NULL


def _header(place: int) -> str:
    return f"$headers[{place + 1}]"


def _is_json(text: str) -> str:
    """JSON to the letter: DuckDB takes NaN and Infinity too, which no other reader does."""
    without_strings = f"""regexp_replace({text}, '"(\\\\.|[^"\\\\])*"', '', 'g')"""
    no_number = "'(?i)nan|inf'"
    return (
        f"CASE WHEN NOT json_valid({text}) THEN false "
        f"WHEN regexp_matches({text}, {no_number}) THEN NOT regexp_matches({without_strings}, {no_number}) "
        "ELSE true END"
    )


def _listed(words: Iterable[str]) -> str:
    return f"({', '.join(map(_literal, words))})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
