"""Enrollments: everyone's way through every sequence."""

import dagster as dg

from xmit_pipeline.defs.audience import OWNERS, contacts, lists, sequences
from xmit_pipeline.defs.resources import ClockResource, StoreResource
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.safety import out_of_step
from xmit_pipeline.store.census import enrollment_counts
from xmit_pipeline.store.ledger import fire_all


@dg.asset(
    group_name="sending",
    kinds={"duckdb"},
    owners=OWNERS,
    deps=[contacts, lists, sequences, "reengagement_enrollments"],
)
def enrollments(store: StoreResource, clock: ClockResource) -> dg.MaterializeResult:
    """One row a contact and sequence, once ever: where they are, and when they are next due.

    Whoever came onto a list by a file or another pipeline is enrolled here, as the ledger says; in a store that is
    out of step nobody is, for the journal may know those people as enrolled.
    """
    now, journal = clock.clock().now(), Journal(store.settings().journal)
    with store.open().snapshot() as connection:
        why_not = out_of_step(connection, journal, now)
    enrolled = 0 if why_not else fire_all(store.open(), now).enrolled
    with store.open().snapshot() as connection:
        counts = enrollment_counts(connection)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": sum(counts.values()), **counts, "enrolled_by_ledger": enrolled}
    )
