"""What Dagster loads: every asset, the job, the schedule and the resources, in one place."""

from collections.abc import Mapping

import dagster as dg

from xmit_pipeline.defs.alerts import ticks_fail
from xmit_pipeline.defs.audience import contacts, lists, sequences
from xmit_pipeline.defs.checks import asset_checks, check_everything, every_hour
from xmit_pipeline.defs.enrollments import enrollments
from xmit_pipeline.defs.feedback import step_metrics
from xmit_pipeline.defs.resources import ClockResource, SendGridResource, StoreResource
from xmit_pipeline.defs.retention import every_night, prune_history
from xmit_pipeline.defs.schedules import every_minute, tick
from xmit_pipeline.defs.sending import due_sends, sent_messages, warmup_quotas


def build_defs(*, resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """The one definition that the code location, the commands and the tests load."""
    return dg.Definitions(
        assets=[
            contacts,
            lists,
            sequences,
            enrollments,
            warmup_quotas,
            due_sends,
            sent_messages,
            step_metrics,
        ],
        asset_checks=asset_checks,
        jobs=[tick, check_everything, prune_history],
        schedules=[every_minute, every_hour, every_night],
        sensors=[ticks_fail],
        resources={
            "store": StoreResource(),
            "clock": ClockResource(),
            "sendgrid": SendGridResource(),
            **(resource_overrides or {}),
        },
    )


defs = build_defs()
