"""`xmit replay`: days of events rebuilt from the archive, and the figures with them."""

from datetime import date

from filelock import Timeout

from xmit_pipeline.cli.console import out
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput, StoreRefused
from xmit_pipeline.store.event_replay import replay_days


def run_replay(first: str, last: str) -> None:
    """Rebuild the events that happened on these UTC days, both ends among them, and say what was amiss."""
    begin, end = _day("--from", first), _day("--to", last)
    if end < begin:
        raise BadInput(f"--to {last} lies before --from {first}; give the earlier day first.")
    with opened_store() as (store, settings):
        try:
            report = replay_days(store, settings, begin, end, WallClock().now())
        except Timeout as error:
            raise StoreRefused("A tick is folding events and does not end; try again when it has.") from error
    out.print(
        f"{report.days:,} days of {report.events:,} events replayed: {report.missing:,} were missing in the store, "
        f"{report.stray:,} stood there alone and are gone."
    )


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{option} takes a day such as 2026-03-02; it got {text!r}.") from error
