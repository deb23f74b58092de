"""Bringing a contact file into the store: staged aside, then merged in short slices (SPEC 9, PAINS G4).

Staging holds no turn of the store. A slice is one transaction that does all of its work, so an import that
was killed is simply run again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import polars as pl

from xmit_pipeline.store.connection import Connection, Store, offered
from xmit_pipeline.store.contact_files import StagedFile, stage_contact_file
from xmit_pipeline.store.contacts import merge_contacts, stage_joining
from xmit_pipeline.store.lists import join_list, list_named
from xmit_pipeline.store.staging import SLICE, refused_rows, slices, staging_area


@dataclass(slots=True)
class ImportResult:
    """What an import did so far, in contacts. `refused`: line, address, reason, a row each."""

    staged: StagedFile
    refused: pl.DataFrame
    created: int = 0
    known: int = 0
    joined: int = 0
    enrolled: int = 0

    @property
    def done(self) -> int:
        return self.created + self.known


def import_file(
    store: Store,
    path: Path,
    *,
    overrides: Mapping[str, str],
    now: datetime,
    list_id: UUID | None = None,
    list_name: str | None = None,
    progress: Callable[[ImportResult], None] | None = None,
) -> ImportResult:
    """Import a CSV or Parquet file, onto a list where one is given; good rows go in, bad ones are reported.

    A list that is named, and not there, is made with the first rows that join it.
    Raises BadInput where the file as a whole can't be taken; then nothing was written.
    """
    with staging_area() as aside:
        staged = stage_contact_file(aside, path, overrides)
        result = ImportResult(staged, refused_rows(aside))
        for rows in slices(aside, SLICE):
            with store.transaction() as connection:
                if list_name is not None:
                    list_id = list_named(connection, list_name, now)
                _merge_slice(connection, rows, list_id, now, result)
            if progress:
                progress(result)
    return result


def _merge_slice(
    connection: Connection, rows: pl.DataFrame, list_id: UUID | None, now: datetime, result: ImportResult
) -> None:
    with offered(connection, "staged_contact", rows):
        created = merge_contacts(connection, now, fill=True)
        result.created += created
        result.known += rows.height - created
        if list_id is not None:
            stage_joining(connection)
            joined, enrolled = join_list(connection, list_id, now, "import")
            result.joined += joined
            result.enrolled += enrolled.enrolled
