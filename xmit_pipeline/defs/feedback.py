"""What came of it: figures per step."""

import dagster as dg

from xmit_pipeline.defs.audience import OWNERS
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.sending import sent_messages
from xmit_pipeline.defs.tables import markdown_table
from xmit_pipeline.store.metrics import refresh_step_metrics, step_summary


@dg.asset(group_name="feedback", kinds={"duckdb"}, owners=OWNERS, deps=[sent_messages])
def step_metrics(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """One row a step and UTC day: sent, skipped, failed, unknown; counted anew from the messages themselves."""
    with store.open().transaction() as connection:
        refresh_step_metrics(connection, context.run.run_id)
        summary = step_summary(connection)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(summary),
            "sent_in_all": sum(row["sent"] for row in summary),
            "steps": markdown_table(summary, "No sequence has started yet."),
        }
    )
