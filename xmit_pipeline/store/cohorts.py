"""Cohorts of those who fell silent in one month, and their way into a sequence (SPEC 2, 3; DESIGN 6).

A contact's month is that of their last human open or click; who never did either counts by when the contact was made.
This enrolls and never sends: places and order are the frontier's, as for everybody.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.model.metadata_keys import is_metadata_key
from xmit_pipeline.store.cohort_filter import matching
from xmit_pipeline.store.connection import Connection, Store, rehearsal, rows_as_dicts
from xmit_pipeline.store.enrollments import EnrollResult, enroll
from xmit_pipeline.store.sequences import get_sequence
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS

SLICE = 50_000
"""Contacts a transaction enrolls: its turn stays under a second."""
SAMPLE = 5

SILENT = """
CREATE OR REPLACE TEMP TABLE silent AS
SELECT contact.id AS contact_id, contact.email, contact.first_name, contact.last_name, contact.timezone,
    contact.created_at, contact.metadata::JSON AS metadata, contact.status, engagement.last_delivered_at,
    engagement.last_opened_at, engagement.last_clicked_at,
    coalesce(
        greatest(engagement.last_opened_at, engagement.last_clicked_at,
            TRY_CAST(json_extract_string(contact.metadata, $last_engaged_path::VARCHAR) AS TIMESTAMPTZ)),
        contact.created_at) AS last_engaged_at
FROM contact
LEFT JOIN contact_engagement AS engagement ON engagement.contact_id = contact.id
WHERE contact.deleted_at IS NULL AND contact.id > $after
  AND last_engaged_at >= $begins AND last_engaged_at < $ends AND last_engaged_at < $quiet_since
"""

NEXT_SILENT = """
CREATE OR REPLACE TEMP TABLE silent_slice AS FROM silent ORDER BY contact_id LIMIT $slice
"""

ENROLLING = """
CREATE OR REPLACE TEMP TABLE enrolling AS
SELECT $sequence_id::UUID AS sequence_id, contact_id, NULL::TIMESTAMPTZ AS left_at FROM cohort
"""
"""Without a time of leaving nobody comes back into a sequence that they have been in, whatever it says."""

REACHED = "SELECT count(*), max(contact_id) FROM silent_slice"

SIZE = f"""
SELECT count(*) AS contacts,
    count(*) FILTER (silent.status = 'active' AND suppressed.email IS NULL) AS mailable
FROM cohort
JOIN silent ON silent.contact_id = cohort.contact_id
LEFT JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = silent.email
"""  # noqa: S608  (a constant subquery)

SAMPLED = """
SELECT 'con_' || id_suffix(silent.contact_id) AS contact,
    left(silent.email, 1) || '...@' || split_part(silent.email, '@', 2) AS address,
    silent.last_engaged_at, silent.created_at
FROM cohort JOIN silent ON silent.contact_id = cohort.contact_id
ORDER BY silent.last_engaged_at, silent.contact_id
LIMIT $sample
"""

FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Silence:
    """Who counts as dormant: silent for so many days, and what else must hold.

    `where` is one SQL condition (`store.cohort_filter`). `last_engaged_field` is a metadata key with an ISO date that
    counts like an open: what another platform knew.
    """

    quiet_days: int = 90
    where: str = ""
    last_engaged_field: str = ""

    def __post_init__(self) -> None:
        if self.quiet_days < 1:
            raise BadInput("quiet_days must be at least 1.")
        if self.last_engaged_field and not is_metadata_key(self.last_engaged_field):
            raise BadInput(
                f"last_engaged_field is {self.last_engaged_field!r}; give the name of a metadata key."
            )

    def spans(self, month: date, now: datetime) -> dict[str, object]:
        """The bounds of a month's cohort, as parameters."""
        begins, ends = month_bounds(month)
        return {
            "begins": begins,
            "ends": ends,
            "quiet_since": now - timedelta(days=self.quiet_days),
            "last_engaged_path": f"$.{self.last_engaged_field}" if self.last_engaged_field else None,
        }

    def is_open(self, month: date, now: datetime) -> bool:
        """Whether people may still come into the month's cohort by falling silent: its last day is not quiet yet."""
        return month_bounds(month)[1] > now - timedelta(days=self.quiet_days)


@dataclass(frozen=True, slots=True)
class DormantCohort:
    """Those who fell silent in a month: how many, how many of them may be mailed, and a few to look at."""

    contacts: int
    mailable: int
    sample: list[dict[str, Any]]


@dataclass(slots=True)
class CohortEnrolled:
    """What became of a cohort: how many were enrolled, and how many not, by reason (SPEC 3)."""

    contacts: int = 0
    enrolled: int = 0
    skipped_reasons: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, contacts: int, result: EnrollResult) -> None:
        """One slice more."""
        self.contacts += contacts
        self.enrolled += result.enrolled
        for reason, count in result.skipped_reasons.items():
            self.skipped_reasons[reason] = self.skipped_reasons.get(reason, 0) + count


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """The first moments of a UTC month and of the next one."""
    begins = datetime.combine(month.replace(day=1), time(), UTC)
    return begins, datetime.combine((begins.date() + timedelta(days=32)).replace(day=1), time(), UTC)


def dormant_cohort(connection: Connection, month: date, now: datetime, silence: Silence) -> DormantCohort:
    """A month's cohort as it stands; changes nothing."""
    connection.execute(SILENT, {"after": FIRST, **silence.spans(month, now)})
    matching(connection, "silent", silence.where, "cohort")
    contacts, mailable = connection.execute(SIZE, {"now": now}).fetchone() or (0, 0)
    return DormantCohort(contacts, mailable, rows_as_dicts(connection, SAMPLED, {"sample": SAMPLE}))


def enroll_cohort(
    store: Store,
    sequence_id: UUID,
    month: date,
    now: datetime,
    silence: Silence,
    *,
    dry_run: bool = False,
    progress: Callable[[CohortEnrolled], None] | None = None,
) -> CohortEnrolled:
    """Enroll a month's cohort, a slice a transaction; each looks anew at who is silent and who may be mailed.

    However often and by however many at once this runs, nobody is enrolled twice. A dry run does the same and takes
    each slice back. Conflict where the sequence is not active.
    """
    done = CohortEnrolled()
    after: UUID | None = FIRST
    while after is not None:
        with rehearsal(store) if dry_run else store.transaction() as connection:
            after = _enroll_slice(connection, sequence_id, month, now, silence, after, done)
        if progress:
            progress(done)
    return done


def _enroll_slice(
    connection: Connection,
    sequence_id: UUID,
    month: date,
    now: datetime,
    silence: Silence,
    after: UUID,
    done: CohortEnrolled,
) -> UUID | None:
    """Enroll the next slice; answers its last contact, None where it was the last slice."""
    sequence = get_sequence(connection, sequence_id)
    if sequence["status"] != SequenceStatus.ACTIVE:
        raise Conflict(
            f"The sequence {sequence['name']!r} is {sequence['status']}; only an active one takes new enrollments. "
            "Activate or resume it, then run this partition again."
        )
    connection.execute(SILENT, {"after": after, **silence.spans(month, now)})
    connection.execute(NEXT_SILENT, {"slice": SLICE})
    people, last = connection.execute(REACHED).fetchone() or (0, None)
    matching(connection, "silent_slice", silence.where, "cohort")
    connection.execute(ENROLLING, {"sequence_id": sequence_id})
    (contacts,) = connection.execute("SELECT count(*) FROM cohort").fetchone() or (0,)
    done.add(contacts, enroll(connection, now, f"reengagement {month:%Y-%m}"))
    return last if people == SLICE else None
