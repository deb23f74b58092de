"""The invariants of SPEC 6.8 as asset checks on live data: each counts what breaks its rule, and finds nobody.

They run in a job of their own, hourly: what they read grows with everything ever sent.
"""

import dagster as dg

from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import EACH_TICK, QUIET
from xmit_pipeline.store.invariants import breach_count
from xmit_pipeline.store.metrics import unequal_step_metrics

GUARDED = {
    "contacts": ["one contact per address"],
    "enrollments": [
        "one enrollment per contact and sequence",
        "an active enrollment is due or has an open message, never both",
        "an ended enrollment owes nothing",
    ],
    "warmup_quotas": ["a domain keeps within its warmup day"],
    "sent_messages": [
        "one message per enrollment and step",
        "an open message stands in an open request",
        "a sent message has an accepted request",
        "a message was never posted again while it may have been taken",
        "a request's size is the number of its attempts that stayed",
    ],
    "step_metrics": ["unique is at most delivered, and delivered at most sent"],
}
"""Which asset's page shows which rule; every rule stands here once."""


def _check(asset: str, rule: str) -> dg.AssetChecksDefinition:
    name = rule.replace("'", "").replace(",", "").replace(" ", "_")

    @dg.asset_check(asset=asset, name=name, description=f"Holds: {rule}.")
    def counted(store: StoreResource) -> dg.AssetCheckResult:
        with store.open().snapshot() as connection:
            broken = breach_count(connection, rule)
        return dg.AssetCheckResult(passed=broken == 0, metadata={"broken": broken})

    return counted


@dg.asset_check(
    asset="step_metrics", description="Holds: step_metric is what a rebuild from all events would make."
)
def metrics_equal_a_rebuild(store: StoreResource) -> dg.AssetCheckResult:
    """Counts every figure anew, from the events themselves, and compares (SPEC 7)."""
    with store.open().snapshot() as connection:
        unequal = unequal_step_metrics(connection)
    return dg.AssetCheckResult(passed=unequal == 0, metadata={"unequal": unequal})


asset_checks = [_check(asset, rule) for asset, rules in GUARDED.items() for rule in rules]
asset_checks.append(metrics_equal_a_rebuild)

check_everything = dg.define_asset_job(
    "check_everything",
    selection=dg.AssetSelection.all_asset_checks() - EACH_TICK,
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="Counts what breaks each rule on live data; all must be none.",
)

every_hour = dg.ScheduleDefinition(
    name="every_hour",
    job=check_everything,
    cron_schedule="17 * * * *",  # away from the full hour, when pacing frees places
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
