"""`xmit sql`: one read-only query, as a table, JSON or CSV."""

from rich.table import Table

from xmit_pipeline.cli.console import err, out
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.store.asking import ask

SHOWN_ROWS = 1000


def run_sql(query: str, *, as_json: bool, as_csv: bool) -> None:
    """Print the answer; UUIDs and times as text."""
    with opened_store() as (store, _):
        answer = ask(store, query)
    if as_json:
        out.print(answer.write_json(), markup=False)
    elif as_csv:
        out.print(answer.write_csv(), markup=False, end="")
    else:
        table = Table(*answer.columns)
        for row in answer.head(SHOWN_ROWS).iter_rows():
            table.add_row(*("" if value is None else str(value) for value in row))
        out.print(table)
        if answer.height > SHOWN_ROWS:
            err.print(f"{answer.height:,} rows; the first {SHOWN_ROWS:,} are shown. --csv prints all.")
