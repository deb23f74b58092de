"""The job `tick` and the schedule that runs it each minute, when there is something to do."""

import dagster as dg

from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.store.frontier import look

tick = dg.define_asset_job(
    "tick",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="One pass: count the audience, open the day's places, find who is due, send, measure.",
    tags={"owner": "growth"},
)


@dg.schedule(
    job=tick,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each minute: looks first (read only), and runs the tick where something is due.",
)
def every_minute(store: StoreResource) -> dg.RunRequest | dg.SkipReason:
    """Skips with a reason where a tick is alive or nothing is due."""
    if tick_is_alive(store.settings()):
        return dg.SkipReason("A tick is sending right now; the next minute looks again.")
    with store.open().snapshot() as connection:
        why = look(connection, WallClock().now())
    return dg.RunRequest(tags={"xmit/why": why}) if why else dg.SkipReason("Nothing is due.")
