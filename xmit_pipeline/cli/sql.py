"""`xmit sql`: one read-only query, as a table, JSON or CSV."""

import polars as pl
import polars.selectors as cs

from xmit_pipeline.cli.console import err, out, table_of, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.asking import ask

SHOWN_ROWS = 1000
MOMENT = "%Y-%m-%dT%H:%M:%S%.fZ"


def run_sql(query: str, *, as_json: bool, as_csv: bool) -> None:
    """Print the answer; UUIDs and times as text, times in UTC."""
    if as_json and as_csv:
        raise BadInput("Choose one of --json and --csv.")
    with opened_store() as (store, _):
        answer = ask(store, query).with_columns(
            cs.datetime(time_zone="*").dt.strftime(MOMENT), cs.binary().bin.encode("hex")
        )
    if as_json:
        write_plain(answer.with_columns(_decimals_as_numbers(answer)).write_json())
    elif as_csv:
        write_plain(answer.with_columns(_nested_as_json(answer)).write_csv())
    else:
        _print_table(answer)


def _decimals_as_numbers(answer: pl.DataFrame) -> list[pl.Expr]:
    """DuckDB sums integers into a type that would be text in JSON; whole numbers stay whole where they fit."""
    decimals = [(name, kind) for name, kind in answer.schema.items() if isinstance(kind, pl.Decimal)]
    return [
        pl.col(name).cast(pl.Int64 if kind.scale == 0 and _fits(answer[name]) else pl.Float64)
        for name, kind in decimals
    ]


def _fits(wholes: pl.Series) -> bool:
    return wholes.cast(pl.Int64, strict=False).null_count() == wholes.null_count()


def _nested_as_json(answer: pl.DataFrame) -> list[pl.Expr]:
    """Lists and structures as JSON text: CSV has no form for them."""
    nested = [name for name, kind in answer.schema.items() if kind.is_nested()]
    return [_json_text(name) for name in nested]


def _json_text(name: str) -> pl.Expr:
    # json_encode knows structures alone: the value goes in under one name, which is cut off again
    whole = pl.struct(pl.col(name).alias("v")).struct.json_encode()
    return whole.str.slice(len('{"v":')).str.head(-1).alias(name)


def _print_table(answer: pl.DataFrame) -> None:
    table = table_of(answer.columns)
    for row in answer.head(SHOWN_ROWS).iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)
    if answer.height > SHOWN_ROWS:
        err.print(f"{answer.height:,} rows; the first {SHOWN_ROWS:,} are shown. --csv prints all.")
