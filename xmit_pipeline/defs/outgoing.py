"""What other systems are told of all this: outgoing webhooks."""

import dagster as dg

from xmit_pipeline.defs.audience import OWNERS
from xmit_pipeline.defs.feedback import step_metrics
from xmit_pipeline.defs.resources import ClockResource, StoreResource
from xmit_pipeline.delivery.outgoing_webhooks import deliver_webhooks


@dg.asset(group_name="feedback", kinds={"duckdb"}, owners=OWNERS, deps=[step_metrics])
def webhook_deliveries(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row a thing to tell to one endpoint. Queues what became known since, and posts what is due."""
    report = deliver_webhooks(store.open(), store.settings(), clock.clock())
    if report.note:
        context.log.warning(report.note)
    return dg.MaterializeResult(
        metadata={
            "queued": report.queued,
            "delivered": report.delivered,
            "put_off": report.put_off,
            "failed": report.failed,
            "waiting": report.waiting,
            "note": report.note or "none",
        }
    )
