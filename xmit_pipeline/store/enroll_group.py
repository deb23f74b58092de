"""Many callers' enrollments in one set of statements, as if each had come alone, in order (SPEC 3, DESIGN 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict, NotFound, XmitError
from xmit_pipeline.model.lifecycle import SequenceStatus
from xmit_pipeline.store.audit import AuditEntry, write_audits
from xmit_pipeline.store.connection import Connection, offered
from xmit_pipeline.store.enrollments import EnrollResult, enroll_by_verdict

STATUSES = "SELECT id, status FROM sequence WHERE deleted_at IS NULL AND list_contains($ids::UUID[], id)"

ASKED = """
CREATE OR REPLACE TEMP TABLE asked AS
SELECT wish, sequence_id::UUID AS sequence_id, contact_id::UUID AS contact_id FROM given_wish
"""

ENROLLING = """
CREATE OR REPLACE TEMP TABLE enrolling AS
SELECT DISTINCT sequence_id, contact_id, 'infinity'::TIMESTAMPTZ AS left_at FROM asked
"""

BY_WISH = """
SELECT wish, told, count(*) FROM (
    SELECT asked.wish, CASE
        WHEN verdict.verdict IS NULL THEN 'not_found'
        WHEN verdict.verdict = 'not_found' THEN 'not_found'
        WHEN row_number() OVER (PARTITION BY asked.wish, asked.sequence_id, asked.contact_id) > 1 THEN 'duplicate'
        WHEN verdict.verdict = 'enrolled'
            AND asked.wish > min(asked.wish) OVER (PARTITION BY asked.sequence_id, asked.contact_id)
            THEN 'already_enrolled'
        ELSE verdict.verdict
    END AS told
    FROM asked
    LEFT JOIN verdict ON verdict.sequence_id = asked.sequence_id AND verdict.contact_id = asked.contact_id
)
GROUP BY wish, told
"""


@dataclass(frozen=True, slots=True)
class EnrollWish:
    """What one caller asks: contacts into one sequence; None stands for an id that can't be a contact's."""

    sequence_id: UUID
    contact_ids: Sequence[UUID | None]
    entry: AuditEntry | None = None

    @property
    def weight(self) -> int:
        return len(self.contact_ids)


def enroll_group(
    connection: Connection, wishes: Sequence[EnrollWish], now: datetime
) -> list[EnrollResult | XmitError]:
    """Each wish's result, or why it can't be granted: NotFound, or Conflict where its sequence is not active.

    Of two wishes for the same contact the earlier enrolls, the later finds it `already_enrolled`.
    """
    ids = list({wish.sequence_id for wish in wishes})
    statuses: dict[UUID, str] = dict(connection.execute(STATUSES, {"ids": ids}).fetchall())
    refused = {number: _refusal(statuses.get(wish.sequence_id)) for number, wish in enumerate(wishes)}
    granted = [number for number, refusal in refused.items() if refusal is None]
    told = _enrolled(connection, {number: wishes[number] for number in granted}, now) if granted else {}
    write_audits(connection, now, [entry for number in granted if (entry := wishes[number].entry)])
    return [refused[number] or _result(told.get(number, {})) for number in range(len(wishes))]


def _refusal(status: str | None) -> XmitError | None:
    if status is None:
        return NotFound("There is no such sequence.")
    if status != SequenceStatus.ACTIVE:
        return Conflict(f"This sequence is {status}; only an active one takes new enrollments.")
    return None


def _enrolled(
    connection: Connection, wishes: dict[int, EnrollWish], now: datetime
) -> dict[int, dict[str, int]]:
    """How many of each wish got which verdict."""
    rows = [
        (number, str(wish.sequence_id), str(contact_id) if contact_id else None)
        for number, wish in wishes.items()
        for contact_id in wish.contact_ids
    ]
    schema = {"wish": pl.Int64, "sequence_id": pl.String, "contact_id": pl.String}
    with offered(connection, "given_wish", pl.DataFrame(rows, schema=schema, orient="row")):
        connection.execute(ASKED)
    connection.execute(ENROLLING)
    enroll_by_verdict(connection, now, "manual")
    told: dict[int, dict[str, int]] = {}
    for number, verdict, count in connection.execute(BY_WISH).fetchall():
        told.setdefault(number, {})[verdict] = count
    return told


def _result(verdicts: dict[str, int]) -> EnrollResult:
    skipped = {verdict: count for verdict, count in verdicts.items() if verdict != "enrolled"}
    return EnrollResult(verdicts.get("enrolled", 0), skipped)
