"""What the ids in an audit's entries name: one read for a page of entries."""

from dataclasses import dataclass
from uuid import UUID

from xmit_pipeline.store.connection import Connection, rows_as_dicts

NAMED = """
WITH asked AS (SELECT unnest($ids::UUID[]) AS id)
SELECT 'seq' AS kind, id, name, NULL::UUID AS within, deleted_at IS NOT NULL AS gone
FROM sequence WHERE id IN (FROM asked)
UNION ALL
SELECT 'stp', id, name, sequence_id, deleted_at IS NOT NULL FROM step WHERE id IN (FROM asked)
UNION ALL
SELECT 'con', id, coalesce(email, 'a deleted contact'), NULL, deleted_at IS NOT NULL
FROM contact WHERE id IN (FROM asked)
UNION ALL
SELECT 'lst', id, name, NULL, deleted_at IS NOT NULL FROM list WHERE id IN (FROM asked)
UNION ALL
SELECT 'snd', id, email, NULL, deleted_at IS NOT NULL FROM sender WHERE id IN (FROM asked)
UNION ALL
SELECT 'dom', id, name, NULL, false FROM domain WHERE id IN (FROM asked)
UNION ALL
SELECT 'tpl', id, name, NULL, false FROM template WHERE id IN (FROM asked)
UNION ALL
SELECT 'whk', id, url, NULL, deleted_at IS NOT NULL FROM webhook_endpoint WHERE id IN (FROM asked)
UNION ALL
SELECT 'sup', id, email, NULL, lifted_at IS NOT NULL FROM suppression WHERE id IN (FROM asked)
UNION ALL
SELECT 'enr', enrollment.id, coalesce(contact.email, 'a deleted contact'), enrollment.sequence_id,
    sequence.deleted_at IS NOT NULL
FROM enrollment
JOIN contact ON contact.id = enrollment.contact_id
JOIN sequence ON sequence.id = enrollment.sequence_id
WHERE enrollment.id IN (FROM asked)
"""


@dataclass(frozen=True, slots=True)
class Named:
    """What an id names: `kind` as its prefix has it, the sequence `within` which it stands, and whether it is gone."""

    kind: str
    id: UUID
    name: str
    within: UUID | None
    gone: bool


def names_of(connection: Connection, ids: list[UUID]) -> dict[UUID, Named]:
    """Those of these ids that are known, by id."""
    rows = rows_as_dicts(connection, NAMED, {"ids": ids}) if ids else []
    return {row["id"]: Named(**row) for row in rows}
