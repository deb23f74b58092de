"""What became of requests whose tick died: the journal tells what may have left from what surely did not (SPEC 6.7)."""

import subprocess
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl

from xmit_pipeline.delivery.journal import Entry, Journal, Line
from xmit_pipeline.delivery.posting import ANSWERED
from xmit_pipeline.model.lifecycle import RequestState
from xmit_pipeline.model.outcomes import Verdict

NO_BOOT = "unknown"
"""On a system that names no boot: nobody knows then whether the power failed."""

SAID = {Entry.ACCEPTED: Verdict.ACCEPTED, Entry.POSTED: Verdict.PERHAPS, Entry.NOT_SENT: Verdict.NOT_SENT}


def fates_of(left: pl.DataFrame, journal: Journal, now: datetime) -> pl.DataFrame:
    """A row of `posting.ANSWERED` for each request of `store.outbox.open_requests`."""
    return fates_by(left, journal.words_on(set(left["request_id"])), now)


def fates_by(left: pl.DataFrame, words: Mapping[str, Line], now: datetime) -> pl.DataFrame:
    """The same by the journal's last words on these requests."""
    boot = boot_id()
    fates = [_fate(row, words.get(row["request_id"]), boot, now) for row in left.iter_rows(named=True)]
    return pl.DataFrame(fates, schema=ANSWERED)


def _fate(left: dict[str, str], line: Line | None, boot: str, now: datetime) -> dict[str, object]:
    """One row of `ANSWERED`: the journal's word, whatever the store knows; a restored one may know too little."""
    perhaps_lost = left["state"] == RequestState.INFLIGHT and (left["boot_id"] != boot or boot == NO_BOOT)
    without_a_line = Verdict.PERHAPS if perhaps_lost else Verdict.NOT_SENT
    return {
        "request_id": left["request_id"],
        "outcome": (SAID[line.entry] if line else without_a_line).value,
        "posted_at": line.at if line else now,
        "provider_id": line.provider_id if line else None,
        "words": "the tick that held it died",
    }


@cache
def boot_id() -> str:
    """This boot of the machine: after another one the journal's last lines may be lost."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else _boot_session()


def _boot_session() -> str:
    """As macOS names a boot; NO_BOOT where nothing does."""
    try:
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return NO_BOOT
    return asked.stdout.strip() or NO_BOOT
