"""The job `tick` and the schedule that runs it each minute, when there is something to do."""

import dagster as dg

from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.store.event_consequences import consequences_wait
from xmit_pipeline.store.event_files import events_wait
from xmit_pipeline.store.frontier import look
from xmit_pipeline.store.landing_files import landing_waits
from xmit_pipeline.store.ledger import ledger_waits
from xmit_pipeline.store.tick_checks import TICK_CHECKS
from xmit_pipeline.store.webhook_queue import any_untold
from xmit_pipeline.store.wish_files import wish_waits

QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
"""Dagster prints a hundred lines a run by default; the run's log in the UI keeps them in any case."""
ASIDE = (
    "unknown_messages", "event_days", "dormant_contacts", "reengagement_enrollments", "step_metrics_daily",
)  # fmt: skip
"""Assets that people, or jobs of their own, run."""
EACH_TICK = dg.AssetSelection.checks(
    *(dg.AssetCheckKey(dg.AssetKey("sent_messages"), name) for name in TICK_CHECKS)
)
"""Checks cheap enough for every tick; the others are hourly."""
LOOK_SECONDS = 20.0
"""How long a look waits for its turn: Dagster gives up on it after 60, and then nobody learns why."""

tick = dg.define_asset_job(
    "tick",
    selection=(dg.AssetSelection.all() - dg.AssetSelection.assets(*ASIDE)).without_checks() | EACH_TICK,
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
    if wish_waits(store.settings().home):
        return dg.RunRequest(tags={"xmit/why": "somebody unsubscribed"})
    if events_wait(store.settings().home):
        return dg.RunRequest(tags={"xmit/why": "events have landed"})
    if landing_waits(store.settings().home):
        return dg.RunRequest(tags={"xmit/why": "files have landed"})
    with store.open(LOOK_SECONDS).snapshot() as connection:
        why = look(connection, WallClock().now(), store.settings().contact_gap)
        why = why or ("list members to enroll" if ledger_waits(connection) else None)
        why = why or ("webhooks to post" if any_untold(connection, WallClock().now()) else None)
        why = why or ("events to act upon" if consequences_wait(connection) else None)
    return (
        dg.RunRequest(tags={"xmit/why": why}) if why else dg.SkipReason("Nothing is due that could go now.")
    )
