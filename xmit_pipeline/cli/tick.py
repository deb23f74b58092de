"""`xmit tick`, and ticks for other commands: the Dagster job, in this process."""

from datetime import datetime
from typing import Any

import dagster as dg
import orjson

from xmit_pipeline.cli.console import err, out
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import iso, parse_moment
from xmit_pipeline.model.errors import BadInput, XmitError
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.ticks import get_tick

COUNTS = ("claimed", "sent", "skipped", "failed", "unknown", "deferred")


def run_one_tick(now: str, *, as_json: bool) -> None:
    """Run one tick and print its record."""
    moment = _moment(now) if now else None
    with opened_store() as (store, settings), dagster_instance(settings) as instance:
        record = tick_through_dagster(instance, store, moment)
    if as_json:
        out.print(orjson.dumps(record, default=str).decode(), markup=False)
        return
    out.print(", ".join(f"{record[name]:,} {name}" for name in COUNTS))
    if record["note"]:
        err.print(record["note"], markup=False)


def dagster_instance(settings: Settings) -> dg.DagsterInstance:
    """Dagster's storage in `$XMIT_HOME/dagster`, set up as every `xmit` command keeps it."""
    from xmit_pipeline.cli.dagster_home import prepared_home

    return dg.DagsterInstance.from_config(str(prepared_home(settings)))


def tick_through_dagster(
    instance: dg.DagsterInstance, store: EmbeddedStore, moment: datetime | None
) -> dict[str, Any]:
    """One run of job `tick`, at a simulated moment where one is given; answers the tick's record."""
    from xmit_pipeline.definitions import defs

    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    if moment:
        config["resources"] = {"clock": {"config": {"now": iso(moment)}}}
    result = defs.resolve_job_def("tick").execute_in_process(run_config=config, instance=instance)
    with store.snapshot() as connection:
        record = get_tick(connection, result.run_id)
    if record is None:
        raise XmitError("Another tick is sending right now; this one did nothing. Try again in a minute.")
    return record


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise BadInput(
            f"--now takes an ISO 8601 time such as 2026-11-22T09:00:00Z; it got {text!r}."
        ) from error
