"""A file's rows into contacts, and onto a list by the ledger, in short transactions (SPEC 2, PAINS C8).

Each transaction does all of its work and repeats nothing, so that a fold that was killed is simply run again.
Where the file comes from is `store.landing` and the Dagster resource for other pipelines.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from filelock import FileLock, Timeout

from xmit_pipeline.model.errors import BadInput, XmitError
from xmit_pipeline.store.connection import Connection, Store, frame, offered
from xmit_pipeline.store.contact_files import StagedFile
from xmit_pipeline.store.contacts import merge_contacts, stage_joining
from xmit_pipeline.store.landing_files import checked_list_name
from xmit_pipeline.store.ledger import land_on_list, leave_list
from xmit_pipeline.store.lists import list_named
from xmit_pipeline.store.staging import SLICE, named_addresses, refused_rows, slices, stage, staging_area

PATIENCE_SECONDS = 600
"""How long another pipeline's feed waits for files that are being folded."""

LEAVING = """
SELECT list_member.contact_id
FROM list_member
JOIN contact ON contact.id = list_member.contact_id
WHERE list_member.list_id = getvariable('list_id')
  AND NOT EXISTS (SELECT 1 FROM named WHERE named.email = contact.email)
"""
"""Members whom the file does not name; who was deleted has no address and leaves too."""

LIST_ID = "SELECT id FROM list WHERE name = $name AND deleted_at IS NULL"


@dataclass(frozen=True, slots=True)
class Aim:
    """What the rows are for: contacts alone, more members of a list, or with `whole` all of its members."""

    list_name: str | None = None
    whole: bool = False


@dataclass(slots=True)
class Folded:
    """What a file did, in contacts. `refused`: line, address, reason, a row each.

    `rows` = created + known + repeated + refused. `gone` left the list; `waiting` enrollments are the next tick's.
    """

    staged: StagedFile
    refused: pl.DataFrame
    created: int = 0
    known: int = 0
    joined: int = 0
    gone: int = 0
    waiting: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, for records and metadata."""
        return {
            "rows": self.staged.rows,
            "refused": self.staged.refused,
            "created": self.created,
            "joined": self.joined,
            "gone": self.gone,
            "waiting": self.waiting,
        }


def fold_file(
    store: Store,
    path: Path,
    aim: Aim,
    now: datetime,
    *,
    once_staged: Callable[[Folded], None] | None = None,
    at_last: Callable[[Connection, Folded], None] | None = None,
) -> Folded:
    """Bring a CSV or Parquet file in; `at_last` runs in the last transaction, and with it all is done.

    `once_staged` runs before the first and may stop the fold by raising. BadInput where the file as a whole can't be
    taken: it can't be read, has no column of addresses, or not one of its rows is good. Then nothing was written.
    A file without rows is taken: it makes no contact, and empties a list that it gives as a whole.
    """
    with staging_area() as aside:
        staged = stage(aside, path)
        folded = Folded(staged, refused_rows(aside))
        if once_staged:
            once_staged(folded)
        if staged.refused and not staged.staged:
            raise BadInput(f"Not one of {staged.rows:,} rows is good; the first: {_first_refusal(folded)}")
        for part, is_last in _last_marked(_parts(store, aside, aim, now, folded)):
            with store.transaction() as connection:
                part(connection)
                if is_last and at_last:
                    at_last(connection, folded)
    return folded


def feed_list(store: Store, home: Path, list_name: str, path: Path, now: datetime, *, whole: bool) -> Folded:
    """Take another pipeline's file in: with `whole` as all members of a list, else as more of them.

    BadInput where the file or the list's name can't be taken; XmitError where others have been folding for too long.
    """
    aim = Aim(checked_list_name(list_name), whole)
    try:
        with folding(home, patience_seconds=PATIENCE_SECONDS):
            return fold_file(store, path, aim, now)
    except Timeout as error:
        raise XmitError(
            f"Another process has been folding files for {PATIENCE_SECONDS} s; run this again when it is done."
        ) from error


@contextmanager
def folding(home: Path, *, patience_seconds: float) -> Generator[None]:
    """One at a time: of two full rewrites of a list the later one must win. A death frees it; Timeout after a while."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "landing.lock", thread_local=False).acquire(timeout=patience_seconds):
        yield


Part = Callable[[Connection], None]


def _parts(store: Store, aside: Connection, aim: Aim, now: datetime, folded: Folded) -> Iterator[Part]:
    """The work of one transaction each; who leaves does so last."""
    merging = (partial(_merge, rows=rows, aim=aim, now=now, folded=folded) for rows in slices(aside, SLICE))
    if aim.list_name is None or not aim.whole:
        return merging
    return chain(merging, _leaving_parts(store, aside, aim.list_name, now, folded))


def _leaving_parts(
    store: Store, aside: Connection, list_name: str, now: datetime, folded: Folded
) -> Iterator[Part]:
    named = named_addresses(aside)
    with store.snapshot() as connection:
        found = connection.execute(LIST_ID, {"name": list_name}).fetchone()
        if found is None:
            return
        with offered(connection, "named", named):
            leaving = frame(connection, LEAVING, {"list_id": found[0]})
    for contacts in leaving.iter_slices(SLICE):
        yield partial(_leave, list_id=found[0], contacts=contacts, now=now, folded=folded)


def _merge(connection: Connection, *, rows: pl.DataFrame, aim: Aim, now: datetime, folded: Folded) -> None:
    with offered(connection, "staged_contact", rows):
        created = merge_contacts(connection, now, fill=True)
        folded.created += created
        folded.known += rows.height - created
        if aim.list_name is not None:
            stage_joining(connection)
            landed = land_on_list(connection, list_named(connection, aim.list_name, now), now)
            folded.joined += landed.joined
            folded.waiting += landed.waiting


def _leave(
    connection: Connection, *, list_id: UUID, contacts: pl.DataFrame, now: datetime, folded: Folded
) -> None:
    folded.gone += leave_list(connection, list_id, contacts, now)


def _first_refusal(folded: Folded) -> str:
    first: dict[str, Any] = folded.refused.row(0, named=True)
    return f"line {first['line']}: {first['reason']}"


def _last_marked(parts: Iterator[Part]) -> Iterator[tuple[Part, bool]]:
    """Each part, and whether it is the last one."""
    for part, following in pairwise(chain(parts, [None])):
        if part is not None:
            yield part, following is None
