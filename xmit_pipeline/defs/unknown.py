"""What left and was never answered, on a page of its own, and settled from there (SPEC 6.6). Never part of a tick."""

from typing import Any

import dagster as dg
from pydantic import Field

from xmit_pipeline.defs.audience import OWNERS
from xmit_pipeline.defs.resources import ClockResource, StoreResource
from xmit_pipeline.defs.schedules import QUIET
from xmit_pipeline.defs.sending import sent_messages
from xmit_pipeline.defs.tables import markdown_table
from xmit_pipeline.model.clock import iso
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.store.unknown import Settled, decide_unknown, unknown_requests


class UnknownConfig(dg.Config):
    """What shall become of them; by default nothing, and they are only shown."""

    settle: str = Field(
        default="",
        description="`presume_sent` (no duplicates) or `resend` (no losses) decides now; blank: show only.",
    )
    request: str = Field(default="", description="One request (req_...); blank: all of them.")


@dg.asset(group_name="sending", kinds={"duckdb"}, owners=OWNERS, deps=[sent_messages])
def unknown_messages(
    config: UnknownConfig, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row a request that left without an answer, and whatever was accepted twice after a resend."""
    settled = _settle(config, store, clock) if config.settle else Settled()
    with store.open().snapshot() as connection:
        rows = unknown_requests(connection)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "unknown": sum(row["unknown"] for row in rows),
            "accepted_twice": sum(row["accepted_twice"] for row in rows),
            "presumed_now": settled.presumed,
            "resent_now": settled.resent,
            "requests": markdown_table([_row(row) for row in rows], "Nothing is of unknown fate."),
        }
    )


settle_unknown_messages = dg.define_asset_job(
    "settle_unknown",
    selection=[unknown_messages],
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="Shows requests of unknown fate, and settles them where the configuration says how.",
)


def _settle(config: UnknownConfig, store: StoreResource, clock: ClockResource) -> Settled:
    request_id = parse_id(Kind.REQUEST, config.request) if config.request else None
    with store.open().transaction() as connection:
        return decide_unknown(
            connection,
            clock.clock().now(),
            UnknownPolicy(config.settle),
            request_id=request_id,
            resend_limit=store.settings().resend_limit,
        )


def _row(row: dict[str, Any]) -> dict[str, object]:
    return {
        "request": public_id(Kind.REQUEST, row["id"]),
        "posted": iso(row["posted_at"].replace(microsecond=0)),
        "step": f"{row['sequence_name']}: {row['step_name']}",
        "messages": row["messages"],
        "unknown": row["unknown"],
        "what was said": row["words"],
        "fate": row["decided"] or "waits for a proof",
    }
