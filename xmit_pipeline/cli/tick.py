"""`xmit tick`, and ticks for other commands: the Dagster job, in this process.

Dagster is imported when a tick runs, not when this module is: its two seconds are no price for a typing error.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from filelock import FileLock

from xmit_pipeline.cli.console import err, out, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.delivery.safety import off_the_clock
from xmit_pipeline.model.clock import Clock, FixedClock, WallClock, iso, parse_moment
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.ticks import get_tick

if TYPE_CHECKING:
    import dagster as dg

COUNTS = ("claimed", "sent", "skipped", "failed", "unknown", "deferred")


def run_one_tick(now: str | None, *, as_json: bool) -> None:
    """Run one tick and print its record."""
    moment = None if now is None else _moment(now)
    with opened_store() as (store, settings):
        _refuse_far_from_clock(moment, settings)
        with store.snapshot():
            pass  # a store that can't be used is refused here, before Dagster records a run of it
        with dagster_instance(settings) as instance:
            record = tick_through_dagster(instance, store, moment)
    if as_json:
        write_plain(orjson.dumps(record, option=orjson.OPT_UTC_Z).decode())
        return
    out.print(", ".join(f"{record[name]:,} {name}" for name in COUNTS))
    if record["note"]:
        err.print(record["note"])


def dagster_instance(settings: Settings) -> "dg.DagsterInstance":
    """Dagster's storage in `$XMIT_HOME/dagster`, set up as every `xmit` command keeps it.

    Two that make a new one at once would trip over each other's tables: one at a time.
    """
    import dagster as dg

    from xmit_pipeline.cli.dagster_home import prepared_home

    home = prepared_home(settings)
    with FileLock(home / "storage.lock"):
        return dg.DagsterInstance.from_config(str(home))


def tick_through_dagster(
    instance: "dg.DagsterInstance", store: EmbeddedStore, moment: datetime | None
) -> dict[str, Any]:
    """One run of job `tick`, at a simulated moment where one is given; answers the tick's record.

    Where another tick is sending, the record is of zeros and says so (SPEC 6.9). What fails in the run is raised.
    """
    from dagster import DagsterExecutionInterruptedError

    from xmit_pipeline.definitions import defs

    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if moment:
        config["resources"] = {"clock": {"config": {"now": iso(moment)}}}
    try:
        result = defs.resolve_job_def("tick").execute_in_process(run_config=config, instance=instance)
    except DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    with store.snapshot() as connection:
        record = get_tick(connection, result.run_id)
    return record or _stood_aside(result.run_id, FixedClock(moment) if moment else WallClock())


def _stood_aside(tick_id: str, clock: Clock) -> dict[str, Any]:
    """The record of a tick that met another one: it did nothing, and left no trace in the store."""
    note = "Another tick is sending right now; this one did nothing. The next one goes on."
    return {
        "id": tick_id,
        "moment": clock.now(),
        "simulated": clock.simulated,
        "note": note,
        **dict.fromkeys(COUNTS, 0),
    }


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise BadInput(
            f"--now takes an ISO 8601 time such as 2026-11-22T09:00:00Z; it got {text!r}."
        ) from error


def _refuse_far_from_clock(moment: datetime | None, settings: Settings) -> None:
    if moment is None or settings.host_is_loopback:
        return
    if off_the_clock(moment):
        raise BadInput(
            f"--now {iso(moment)} is more than 5 minutes off the clock, and {settings.sendgrid_host} delivers to "
            "people. Leave --now out, or set SENDGRID_HOST to a loopback address such as the sandbox's."
        )
