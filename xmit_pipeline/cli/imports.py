"""`xmit import`: a contact file onto a list, with a progress bar and a report of refused rows."""

from pathlib import Path

from rich.table import Table

from xmit_pipeline.cli.console import err, out, progress_bar
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.imports import ImportResult, import_file
from xmit_pipeline.store.lists import list_named

SHOWN_REFUSALS = 10


def run_import(path: Path, list_name: str, mapping: list[str]) -> None:
    """Import; print the mapping, what came in, and where the report of refused rows lies."""
    overrides = dict(_column_and_field(entry) for entry in mapping)
    now = WallClock().now()
    with opened_store() as (store, settings), progress_bar() as bar:
        task = bar.add_task(f"reading {path.name}", total=None)
        list_id = None
        if list_name:
            with store.transaction() as connection:
                list_id = list_named(connection, list_name, now)

        def tell(result: ImportResult) -> None:
            bar.update(task, description="importing", total=result.staged.staged, completed=result.done)

        result = import_file(store, path, overrides=overrides, list_id=list_id, now=now, progress=tell)
        report = _write_report(result, settings.home / "reports", path)
    _print_mapping(result)
    _print_result(result, list_name, report)


def _column_and_field(entry: str) -> tuple[str, str]:
    column, separator, field = entry.rpartition("=")
    if not separator or not column or not field:
        raise BadInput(
            f"--map takes column=field, such as --map 'Company Name=companyName'; it got {entry!r}."
        )
    return column, field


def _write_report(result: ImportResult, folder: Path, source: Path) -> Path | None:
    if result.refused.is_empty():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"refused-{source.stem}-{WallClock().now():%Y%m%dT%H%M%S}.csv"
    result.refused.write_csv(report)
    return report


def _print_mapping(result: ImportResult) -> None:
    table = Table("column", "becomes")
    for header, field in result.staged.columns.listing():
        table.add_row(header, field)
    err.print(table)


def _print_result(result: ImportResult, list_name: str, report: Path | None) -> None:
    out.print(f"{result.created:,} contacts made, {result.known:,} known already.")
    if result.staged.repeated:
        out.print(f"{result.staged.repeated:,} rows repeated an address and were merged.")
    if list_name:
        out.print(f"{result.joined:,} joined {list_name!r}; {result.enrolled:,} enrollments started.")
    if report:
        out.print(f"{result.refused.height:,} rows refused; all of them in {report}")
        for line, address, reason in result.refused.head(SHOWN_REFUSALS).iter_rows():
            out.print(f"  line {line}: {reason} ({address})", markup=False)
