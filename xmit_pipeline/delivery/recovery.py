"""What became of requests whose tick died: the journal tells what may have left from what surely did not (SPEC 6.7)."""

from datetime import datetime
from pathlib import Path

import polars as pl

from xmit_pipeline.delivery.journal import Entry, Journal, Line
from xmit_pipeline.delivery.posting import ANSWERED
from xmit_pipeline.model.lifecycle import RequestState
from xmit_pipeline.model.outcomes import Verdict


def fates_of(left: pl.DataFrame, journal: Journal, now: datetime) -> pl.DataFrame:
    """A row of `posting.ANSWERED` for each request of `store.outbox.open_requests`."""
    entries = journal.words_on(set(left["request_id"]))
    boot = boot_id()
    fates = [_fate(row, entries.get(row["request_id"]), boot, now) for row in left.iter_rows(named=True)]
    return pl.DataFrame(fates, schema=ANSWERED)


def _fate(left: dict[str, str], line: Line | None, boot: str, now: datetime) -> dict[str, object]:
    """One row of `ANSWERED` for a request whose tick died (SPEC 6.7)."""
    last = line.entry if line else None
    verdict = Verdict.NOT_SENT
    if left["state"] == RequestState.INFLIGHT:
        after_power_loss = left["boot_id"] != boot and last is not Entry.NOT_SENT
        verdict = Verdict.PERHAPS if last is Entry.POSTED or after_power_loss else verdict
        verdict = Verdict.ACCEPTED if last is Entry.ACCEPTED else verdict
    return {
        "request_id": left["request_id"],
        "outcome": verdict.value,
        "posted_at": line.at if line else now,
        "provider_id": line.provider_id if line else None,
        "words": "the tick that held it died",
    }


def boot_id() -> str:
    """This boot of the machine: after another one the journal's last lines may be lost."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"
