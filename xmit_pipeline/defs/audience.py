"""Contacts, lists, sequences: mostly written by API, dashboard and imports, and observed here.

A run makes contacts and members only of files that landed. No delivery, no enrollment.
"""

from typing import Any

import dagster as dg

from xmit_pipeline.defs.resources import ClockResource, StoreResource
from xmit_pipeline.defs.tables import markdown_table
from xmit_pipeline.store.census import contact_counts, list_counts, sequence_counts
from xmit_pipeline.store.landing import LandingReport, fold_landing
from xmit_pipeline.store.landing_files import Folder

OWNERS = ["team:growth"]


@dg.asset(group_name="audience", kinds={"duckdb"}, owners=OWNERS, deps=["suppressions"])
def contacts(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row a person, keyed by case-folded address. Written by API, dashboard and `xmit import`; here from files."""
    opened = store.open()
    landed = fold_landing(opened, store.settings().home, clock.clock().now(), (Folder.CONTACTS,))
    with opened.snapshot() as connection:
        counts = contact_counts(connection)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": sum(counts.values()), **counts, **_landed(context, landed)}
    )


@dg.asset(group_name="audience", kinds={"duckdb"}, owners=OWNERS, deps=[contacts])
def lists(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row a named set of contacts, with its members and the ledger that fires list triggers once, ever."""
    opened = store.open()
    folders = tuple(folder for folder in Folder if folder is not Folder.CONTACTS)
    landed = fold_landing(opened, store.settings().home, clock.clock().now(), folders)
    with opened.snapshot() as connection:
        counts = list_counts(connection)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": counts["lists"], **counts, **_landed(context, landed)}
    )


@dg.asset(group_name="audience", kinds={"duckdb"}, owners=OWNERS)
def sequences(store: StoreResource) -> dg.MaterializeResult:
    """One row a drip campaign: its trigger, default sender and ordered steps."""
    with store.open().snapshot() as connection:
        counts = sequence_counts(connection)
    return dg.MaterializeResult(metadata={"dagster/row_count": sum(counts.values()), **counts})


def _landed(context: dg.AssetExecutionContext, report: LandingReport) -> dict[str, Any]:
    """What came in from files, for people to read; what could not is said in the run's log too."""
    for sentence in (report.note, *(file.told for file in report.files)):
        if sentence:
            context.log.warning(sentence)
    return {
        "landed_rows": report.counts["rows"],
        "landed_refused": report.counts["refused"],
        "landed_files": markdown_table([file.row for file in report.files], "No file had landed."),
        "note": report.note or "none",
    }
