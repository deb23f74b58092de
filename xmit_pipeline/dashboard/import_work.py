"""An import under way in a thread of the API's process; its record is written down after every slice.

A death leaves a record that says running and a lock that is free: it was interrupted, and is simply run again.
"""

import logging
import threading
from datetime import datetime
from pathlib import Path

import polars as pl
from filelock import FileLock

from xmit_pipeline.dashboard.uploads import Counts, ImportRecord, ImportState, Uploads
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.imports import ImportResult, import_file

_FORMULA = r"^[=+\-@\t\r]"
"""So begins what a spreadsheet would take for a formula."""

_log = logging.getLogger("xmit.dashboard")


def start_import(store: Store, clock: Clock, uploads: Uploads, record: ImportRecord) -> None:
    """Take a file in, from now on, in the background. Conflict where it is being taken in already."""
    lock = uploads.hold(record.id)
    try:
        record.state, record.started_at, record.ended_at = ImportState.RUNNING, clock.now(), None
        record.counts, record.fault = Counts(), None
        uploads.keep(record)
        working = threading.Thread(
            target=_run,
            args=(store, clock, uploads, record, lock),
            name=f"xmit-import-{record.id}",
            daemon=True,
        )
        working.start()
    except BaseException:
        lock.release()
        raise


def _run(store: Store, clock: Clock, uploads: Uploads, record: ImportRecord, lock: FileLock) -> None:
    try:
        _take_in(store, clock.now(), uploads, record)
        record.state = ImportState.DONE
    except XmitError as error:
        record.state, record.fault = ImportState.FAILED, told_of(error, uploads.file_of(record), record.name)
    except Exception:
        _log.exception("an import failed inside xmit")
        record.state, record.fault = (
            ImportState.FAILED,
            "Something failed inside xmit; its log has the details.",
        )
    finally:
        record.ended_at = clock.now()
        try:
            uploads.keep(record)
        finally:
            lock.release()


def told_of(error: XmitError, path: Path, name: str) -> str:
    """A fault in the words of who sent the file: they know its name, and nothing of our folders."""
    return str(error).replace(str(path), name)


def _take_in(store: Store, now: datetime, uploads: Uploads, record: ImportRecord) -> None:
    path = uploads.file_of(record)

    def tell(result: ImportResult) -> None:
        record.counts = _counted(result)
        uploads.keep(record)

    result = import_file(
        store, path, overrides=record.overrides, list_id=record.list_id, now=now, progress=tell
    )
    record.counts, record.columns = _counted(result), result.staged.columns.listing()
    if not result.refused.is_empty():
        _harmless(result.refused).write_csv(uploads.refused_of(record.id))
    path.unlink(missing_ok=True)


def _counted(result: ImportResult) -> Counts:
    staged = result.staged
    return Counts(
        rows=staged.rows,
        staged=staged.staged,
        refused=staged.refused,
        repeated=staged.repeated,
        created=result.created,
        known=result.known,
        joined=result.joined,
        enrolled=result.enrolled,
    )


def _harmless(refused: pl.DataFrame) -> pl.DataFrame:
    """The rows with an apostrophe before what a spreadsheet would run."""
    address = pl.col("address")
    return refused.with_columns(
        pl.when(address.str.contains(_FORMULA)).then("'" + address).otherwise(address).alias("address")
    )
