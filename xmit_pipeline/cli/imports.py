"""`xmit import`: a contact file onto a list, with a progress bar and a report of refused rows."""

from pathlib import Path

from xmit_pipeline.cli.console import err, out, progress_bar, table_of
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.imports import ImportResult, import_file
from xmit_pipeline.store.landing_files import checked_list_name
from xmit_pipeline.store.wish_files import note_way_out

SHOWN_REFUSALS = 10
LEFT_OUT = "-"


def run_import(path: Path, list_name: str | None, mapping: list[str]) -> None:
    """Import; print the mapping, what came in, and where the report of refused rows lies."""
    if list_name is not None:
        list_name = _list_name(list_name)
    overrides = dict(_column_and_field(entry) for entry in mapping)
    now = WallClock().now()
    with opened_store() as (store, settings), progress_bar() as bar:
        task = bar.add_task(f"reading {path.name}", total=None)

        def tell(result: ImportResult) -> None:
            bar.update(task, description="importing", total=result.staged.staged, completed=result.done)

        result = import_file(store, path, overrides=overrides, list_name=list_name, now=now, progress=tell)
        note_way_out(settings.home)  # a file may say who has left
        report = _write_report(result, settings.home / "reports", path)
    _print_mapping(result)
    _print_result(result, list_name, report)


def _list_name(given: str) -> str:
    if not given.strip():
        raise BadInput("--list takes the name of a list; leave it out to import without one.")
    return checked_list_name(given)


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


def refusals(result: ImportResult, limit: int) -> list[str]:
    """The first refused rows, a sentence each: line, reason, and the address where there was one."""
    return [
        f"line {line}: {reason}{f' ({address})' if address else ''}"
        for line, address, reason in result.refused.head(limit).iter_rows()
    ]


def _print_mapping(result: ImportResult) -> None:
    table = table_of(["column", "becomes"])
    for header, field in result.staged.columns.listing():
        table.add_row(header, "left out" if field == LEFT_OUT else field)
    err.print(table)


def _print_result(result: ImportResult, list_name: str | None, report: Path | None) -> None:
    out.print(f"{result.created:,} contacts made, {result.known:,} known already.")
    if result.staged.repeated:
        out.print(f"{result.staged.repeated:,} rows repeated an address and were merged.")
    if list_name:
        out.print(f"{result.joined:,} joined {list_name!r}; {result.enrolled:,} enrollments started.")
    if report:
        out.print(f"{result.refused.height:,} rows refused; all of them in {report}")
        for sentence in refusals(result, SHOWN_REFUSALS):
            out.print(f"  {sentence}")
