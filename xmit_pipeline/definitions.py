"""What Dagster loads: every asset, the job, the schedule and the resources, in one place."""

from collections.abc import Mapping

import dagster as dg

from xmit_pipeline.defs.alerts import ticks_fail
from xmit_pipeline.defs.audience import contacts, lists, sequences
from xmit_pipeline.defs.checks import asset_checks, check_everything, every_hour
from xmit_pipeline.defs.enrollments import enrollments
from xmit_pipeline.defs.feedback import delivery_events, event_days, step_metrics, suppressions
from xmit_pipeline.defs.outgoing import webhook_deliveries
from xmit_pipeline.defs.reengagement import (
    contact_engagement,
    dormant_contacts,
    reengage,
    reengagement_enrollments,
    reengagement_sequences,
    step_metrics_daily,
)
from xmit_pipeline.defs.resources import ClockResource, SendGridResource, StoreResource
from xmit_pipeline.defs.retention import every_night, prune_history
from xmit_pipeline.defs.schedules import every_minute, tick
from xmit_pipeline.defs.sending import due_sends, sent_messages, warmup_quotas
from xmit_pipeline.defs.suppression_sync import hourly_suppression_sync, suppression_sync
from xmit_pipeline.defs.unknown import settle_unknown_messages, unknown_messages
from xmit_pipeline.defs.watch import trouble


def build_defs(*, resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """The one definition that the code location, the commands and the tests load."""
    return dg.Definitions(
        assets=[
            delivery_events,
            suppressions,
            contacts,
            lists,
            sequences,
            enrollments,
            warmup_quotas,
            due_sends,
            sent_messages,
            unknown_messages,
            step_metrics,
            webhook_deliveries,
            event_days,
            contact_engagement,
            dormant_contacts,
            reengagement_enrollments,
            step_metrics_daily,
        ],
        asset_checks=asset_checks,
        jobs=[tick, check_everything, prune_history, settle_unknown_messages, suppression_sync, reengage],
        schedules=[every_minute, every_hour, every_night, hourly_suppression_sync],
        sensors=[ticks_fail, trouble, reengagement_sequences],
        executor=dg.in_process_executor,  # a process an asset costs more than what it does
        resources={
            "store": StoreResource(),
            "clock": ClockResource(),
            "sendgrid": SendGridResource(),
            **(resource_overrides or {}),
        },
    )


defs = build_defs()
