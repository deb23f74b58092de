"""`xmit reconcile`: take a restored store, or a corrected clock, back into service."""

from filelock import Timeout

from xmit_pipeline.cli.console import out
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.delivery.reconciliation import reconcile
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import StoreRefused


def run_reconcile() -> None:
    """Say what the journal gave back, and that ticks go on."""
    with opened_store() as (store, settings):
        try:
            result = reconcile(store, settings, WallClock().now())
        except Timeout as error:
            raise StoreRefused(
                "A tick is folding events and does not end; run this again when it has."
            ) from error
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
    if back.enrolled:
        out.print(f"{back.enrolled:,} people were enrolled since; they go on where they were.")
    if result.heard:
        out.print(f"{result.heard:,} opt-outs and events had come since; they are taken in.")
    if result.later_ticks:
        out.print(f"{result.later_ticks:,} ticks lie later than the present clock; it is accepted.")
    out.print("This store is in service: the next tick sends.")
