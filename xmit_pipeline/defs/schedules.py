"""The job `tick` and the schedule that runs it each minute, when there is something to do."""

import dagster as dg

from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.store.frontier import look
from xmit_pipeline.store.landing_files import landing_waits
from xmit_pipeline.store.ledger import ledger_waits

QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
"""Dagster prints a hundred lines a run by default; the run's log in the UI keeps them in any case."""
LOOK_SECONDS = 20.0
"""How long a look waits for its turn: Dagster gives up on it after 60, and then nobody learns why."""

tick = dg.define_asset_job(
    "tick",
    selection=dg.AssetSelection.all().without_checks(),
    executor_def=dg.in_process_executor,
    config=QUIET,
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
    if landing_waits(store.settings().home):
        return dg.RunRequest(tags={"xmit/why": "files have landed"})
    with store.open(LOOK_SECONDS).snapshot() as connection:
        why = look(connection, WallClock().now())
        why = why or ("list members to enroll" if ledger_waits(connection) else None)
    return dg.RunRequest(tags={"xmit/why": why}) if why else dg.SkipReason("Nothing is due.")
