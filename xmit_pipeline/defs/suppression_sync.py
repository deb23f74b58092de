"""The hourly exchange of suppressions with SendGrid: a job of its own, so that no tick waits for it (SPEC 7)."""

import dagster as dg

from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import QUIET
from xmit_pipeline.delivery.control_calls import control_calls
from xmit_pipeline.delivery.suppression_sync import SuppressionSync
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.store.wish_files import note_way_out


@dg.op
def exchange_suppressions(context: dg.OpExecutionContext, store: StoreResource) -> None:
    """Lifts there what was lifted here, takes in what is new there, and pushes opt-outs where that is set."""
    settings = store.settings()
    with control_calls(settings) as calls:
        report = SuppressionSync(store.open(), WallClock(), calls, settings.push_suppressions_to).run()
    if report.new:
        note_way_out(settings.home)
    context.add_output_metadata(
        {
            "lifted_there": report.lifted,
            "entries_read": sum(report.pulled.values()),
            "new_here": report.new,
            "pushed": report.pushed,
        }
    )
    if report.notes:
        raise dg.Failure(" ".join(report.notes), allow_retries=False)


@dg.job(
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="Pulls SendGrid's suppression lists, and tells SendGrid of what was lifted here.",
)
def suppression_sync() -> None:
    """One op; what it could not do, the next hour does."""
    exchange_suppressions()


hourly_suppression_sync = dg.ScheduleDefinition(
    name="hourly_suppression_sync",
    job=suppression_sync,
    cron_schedule="41 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
