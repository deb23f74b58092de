"""`xmit unknown`: see what left and was never answered, and say what shall become of it (SPEC 6.6)."""

from typing import Any

from xmit_pipeline.cli.console import out, table_of
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock, iso
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.store.unknown import Settled, decide_unknown, unknown_requests

FATES = {"presumed": "presumed sent", "resent": "let go again", None: "waits for a proof"}


def run_unknown(settle: UnknownPolicy | None, request: str | None) -> None:
    """List requests of unknown fate; with `settle`, decide one of them or all."""
    with opened_store() as (store, settings):
        if settle is not None:
            request_id = parse_id(Kind.REQUEST, request) if request else None
            with store.transaction() as connection:
                settled = decide_unknown(
                    connection,
                    WallClock().now(),
                    settle,
                    request_id=request_id,
                    resend_limit=settings.resend_limit,
                )
            _tell(settled)
        with store.snapshot() as connection:
            rows = unknown_requests(connection)
    _show(rows)
    waiting = [row for row in rows if row["unknown"]]
    if waiting and settle is None:
        hours = settings.unknown_after.total_seconds() / 3600
        out.print(
            f"An event of any of its messages proves a request. Without one, after {hours:g} hours, the policy is "
            f"{settings.unknown_policy.value}. To decide now: xmit unknown --settle presume_sent, or --settle resend."
        )


def _show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print("Nothing is of unknown fate.")
        return
    table = table_of(
        ["request", "posted", "step", "what was said", "fate"],
        figures=["messages", "unknown", "accepted twice"],
    )
    for row in rows:
        table.add_row(
            public_id(Kind.REQUEST, row["id"]),
            iso(row["posted_at"].replace(microsecond=0)),
            f"{row['sequence_name']}: {row['step_name']}",
            row["words"] or "",
            FATES.get(row["decided"], row["decided"] or ""),
            f"{row['messages']:,}",
            f"{row['unknown']:,}",
            f"{row['accepted_twice']:,}",
        )
    out.print(table)


def _tell(settled: Settled) -> None:
    out.print(
        f"{settled.presumed:,} presumed sent, {settled.resent:,} go again with the next tick, "
        f"{settled.failed:,} given up."
    )
