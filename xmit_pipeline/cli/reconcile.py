"""`xmit reconcile`: take a restored store, or a corrected clock, back into service."""

from xmit_pipeline.cli.console import out
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.delivery.reconciliation import reconcile
from xmit_pipeline.model.clock import WallClock


def run_reconcile() -> None:
    """Say what the journal gave back, and that ticks go on."""
    with opened_store() as (store, settings):
        result = reconcile(store, settings, WallClock().now())
    back = result.taken_back
    if back.messages:
        out.print(
            f"{back.messages:,} messages in {back.requests:,} requests were posted since; they count as sent."
        )
    if back.strangers:
        out.print(
            f"{back.strangers:,} more went to people or steps that this store does not know. Whoever joins again "
            "would get those steps again: restore a later backup if you have one."
        )
    if result.later_ticks:
        out.print(f"{result.later_ticks:,} ticks lie later than the present clock; it is accepted.")
    out.print("This store is in service: the next tick sends.")
