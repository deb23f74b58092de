"""What a person must hear of, told once to the alert address: what stops or spoils the sending, and failed checks."""

from collections.abc import Mapping

import dagster as dg
import orjson
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from xmit_pipeline.defs.alerts import IN_A_ROW, failures_in_a_row
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import LOOK_SECONDS, tick
from xmit_pipeline.delivery.alerting import post_alert
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.store.trouble import troubles

FAILED = AssetCheckExecutionRecordStatus.FAILED


@dg.sensor(
    name="trouble",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Posts to XMIT_ALERT_URL what needs a person: once an opening, and again when it comes back.",
)
def trouble(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    """Keeps in its cursor what is open and was told; what could not be posted is posted the next time."""
    url, now = store.settings().alert_url, WallClock().now()
    if not url:
        return dg.SkipReason(
            "Set XMIT_ALERT_URL to hear of ticks that fail or refuse to send, failed checks, critical health, "
            "circuits and holds."
        )
    with store.open(LOOK_SECONDS).snapshot() as connection:
        present = {**troubles(connection, now), **_failed_checks(context), **_failed_ticks(context.instance)}
    told = set(orjson.loads(context.cursor)) & present.keys() if context.cursor else set[str]()
    for key in sorted(present.keys() - told):
        fault = post_alert(url, key, present[key], now)
        if fault is None:
            told.add(key)
        else:
            context.log.error(f"XMIT_ALERT_URL did not take an alert: {fault}. It was: {present[key]}")
    return dg.SensorResult(
        skip_reason=f"{len(present)} open, {len(told)} of them told.",
        cursor=orjson.dumps(sorted(told)).decode(),
    )


def _failed_ticks(instance: dg.DagsterInstance) -> Mapping[str, str]:
    if failures_in_a_row(instance, tick.name) < IN_A_ROW:
        return {}
    return {
        "ticks fail": f"The last {IN_A_ROW} ticks have failed; see their runs in Dagster, and `xmit doctor`."
    }


def _failed_checks(context: dg.SensorEvaluationContext) -> Mapping[str, str]:
    repository = context.repository_def
    keys = repository.asset_checks_defs_by_key if repository else {}
    failed: dict[str, str] = {}
    for key in keys:
        record = context.instance.get_latest_asset_check_evaluation_record(key)
        if record is not None and record.status is FAILED:
            failed[f"check {key.to_user_string()}"] = (
                f"The check {key.name} of {key.asset_key.to_user_string()} fails; see its page in Dagster."
            )
    return failed
