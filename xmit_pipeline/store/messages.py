"""Messages as people look for them: whom, by which step, how it stands, and what SendGrid told of it."""

from typing import Any
from uuid import UUID

from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.store.connection import Connection, rows_as_dicts

FOUND = """
SELECT message.id, message.created_at
FROM message LEFT JOIN step ON step.id = message.step_id
WHERE ($status::VARCHAR IS NULL OR message.state = $status)
  AND ($sequence_id::UUID IS NULL OR message.sequence_id = $sequence_id)
  AND ($contact_id::UUID IS NULL OR message.contact_id = $contact_id)
  AND ($q::VARCHAR IS NULL OR contains(message.email, lower($q)) OR contains(lower(step.subject), lower($q)))
"""

ROWS = """
SELECT message.* EXCLUDE (state, email, overdue), message.state AS status, nullif(message.email, '') AS email,
    sequence.name AS sequence_name, step.name AS step_name, step.subject,
    step.updated_at AS step_changed_at, request.sender_id,
    {total} AS total
FROM shown
JOIN message ON message.id = shown.id
LEFT JOIN sequence ON sequence.id = message.sequence_id
LEFT JOIN step ON step.id = message.step_id
LEFT JOIN request ON request.id = message.request_id
ORDER BY shown.created_at DESC, shown.id DESC
"""

PAGE = f"""
WITH found AS MATERIALIZED ({FOUND}),
shown AS (
    FROM found ORDER BY created_at DESC, id DESC LIMIT $limit OFFSET $offset
)
{ROWS.format(total="(SELECT count(*) FROM found)")}
"""  # noqa: S608  (constants)

ONE = f"WITH shown AS (SELECT id, created_at FROM message WHERE id = $id) {ROWS.format(total=1)}"  # noqa: S608  (constants)

EVENTS = """
SELECT event.message_id, event.sg_event_id AS id, event.kind, event.happened_at,
    coalesce(event.raw, json_merge_patch('{}', json_object('event', event.kind, 'url', event.url, 'ip', event.ip,
        'useragent', event.useragent, 'response', event.response, 'reason', event.reason, 'status', event.status,
        'type', event.type, 'attempt', event.attempt, 'sg_machine_open', event.machine))::VARCHAR) AS data
FROM event JOIN (SELECT unnest($ids::UUID[]) AS id) AS asked ON asked.id = event.message_id
ORDER BY event.happened_at, event.folded_at, event.sg_event_id
"""


def messages_page(
    connection: Connection,
    *,
    status: str | None = None,
    sequence_id: UUID | None = None,
    contact_id: UUID | None = None,
    q: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Messages, newest first; `q` searches in address and subject. Every row carries the `total`."""
    parameters = {"status": status, "sequence_id": sequence_id, "contact_id": contact_id, "q": q}
    return rows_as_dicts(connection, PAGE, {**parameters, "limit": limit, "offset": offset})


def get_message(connection: Connection, message_id: UUID) -> dict[str, Any]:
    """One message."""
    rows = rows_as_dicts(connection, ONE, {"id": message_id})
    if not rows:
        raise NotFound("There is no such message.")
    return rows[0]


def events_of(connection: Connection, message_ids: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Each of a page's messages with its events, oldest first: id, kind, happened_at, data (JSON text)."""
    found: dict[UUID, list[dict[str, Any]]] = {message_id: [] for message_id in message_ids}
    for row in rows_as_dicts(connection, EVENTS, {"ids": message_ids}):
        found[row.pop("message_id")].append(row)
    return found
