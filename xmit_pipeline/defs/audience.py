"""What the API, the dashboard and imports write, observed here: contacts, lists, sequences.

Each is honest about it: a run counts, it does not make. No delivery, no enrollment.
"""

import dagster as dg

from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.store.census import contact_counts, list_counts, sequence_counts

OWNERS = ["team:growth"]


@dg.asset(group_name="audience", kinds={"duckdb"}, owners=OWNERS)
def contacts(store: StoreResource) -> dg.MaterializeResult:
    """One row a person, keyed by case-folded address. Written by API, dashboard and `xmit import`."""
    with store.open().snapshot() as connection:
        counts = contact_counts(connection)
    return dg.MaterializeResult(metadata={"dagster/row_count": sum(counts.values()), **counts})


@dg.asset(group_name="audience", kinds={"duckdb"}, owners=OWNERS, deps=[contacts])
def lists(store: StoreResource) -> dg.MaterializeResult:
    """One row a named set of contacts, with its members and the ledger that fires list triggers."""
    with store.open().snapshot() as connection:
        counts = list_counts(connection)
    return dg.MaterializeResult(metadata={"dagster/row_count": counts["lists"], **counts})


@dg.asset(group_name="audience", kinds={"duckdb"}, owners=OWNERS)
def sequences(store: StoreResource) -> dg.MaterializeResult:
    """One row a drip campaign: its trigger, default sender and ordered steps."""
    with store.open().snapshot() as connection:
        counts = sequence_counts(connection)
    return dg.MaterializeResult(metadata={"dagster/row_count": sum(counts.values()), **counts})
