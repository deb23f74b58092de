"""Templates: saved subjects and bodies, copied into a step on use (SPEC 1); a later change reaches no step."""

from datetime import datetime
from typing import Any, TypedDict, cast
from uuid import UUID

from xmit_pipeline.model.errors import BadInput, NotFound
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.rendering.source import StepSource, template_faults
from xmit_pipeline.store.connection import Connection, rows_as_dicts

ADD = "INSERT INTO template VALUES ($id, $name, $subject, $body_html, $body_text, $now, $now)"

UPDATE = """
UPDATE template SET name = $name, subject = $subject, body_html = $body_html, body_text = $body_text,
    updated_at = $now
WHERE id = $id
"""

PAGE = """
WITH found AS (
    SELECT id, created_at FROM template
    WHERE $q::VARCHAR IS NULL OR contains(lower(name), lower($q)) OR contains(lower(subject), lower($q))
),
shown AS (
    FROM found ORDER BY created_at DESC, id DESC LIMIT $limit OFFSET $offset
)
SELECT template.*, (SELECT count(*) FROM found) AS total
FROM shown JOIN template ON template.id = shown.id
ORDER BY shown.created_at DESC, shown.id DESC
"""


class TemplateChanges(TypedDict, total=False):
    """What is given changes."""

    name: str
    subject: str
    body_html: str
    body_text: str | None


def create_template(
    connection: Connection,
    now: datetime,
    *,
    name: str,
    subject: str,
    body_html: str,
    body_text: str | None = None,
) -> UUID:
    """A new template. BadInput where its Liquid does not parse."""
    _check_liquid(subject, body_html, body_text)
    template_id = new_id()
    words = {"name": name, "subject": subject, "body_html": body_html, "body_text": body_text}
    connection.execute(ADD, {"id": template_id, **words, "now": now})
    return template_id


def get_template(connection: Connection, template_id: UUID) -> dict[str, Any]:
    """One template."""
    rows = rows_as_dicts(connection, "SELECT * FROM template WHERE id = $id", {"id": template_id})
    if not rows:
        raise NotFound("There is no such template.")
    return rows[0]


def templates_page(
    connection: Connection, *, q: str | None = None, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """Templates, newest first, searched in name and subject; every row carries the `total`."""
    return rows_as_dicts(connection, PAGE, {"q": q, "limit": limit, "offset": offset})


def update_template(
    connection: Connection, template_id: UUID, now: datetime, changes: TemplateChanges
) -> None:
    """Change what is given; steps that were made from it keep their own words."""
    changed = cast("dict[str, Any]", {**get_template(connection, template_id), **changes})
    _check_liquid(changed["subject"], changed["body_html"], changed["body_text"])
    parameters = {name: changed[name] for name in TemplateChanges.__annotations__}
    connection.execute(UPDATE, {**parameters, "id": template_id, "now": now})


def delete_template(connection: Connection, template_id: UUID) -> None:
    """Forget a template; steps that were made from it stay as they are."""
    get_template(connection, template_id)
    connection.execute("DELETE FROM template WHERE id = $id", {"id": template_id})


def _check_liquid(subject: str, body_html: str, body_text: str | None) -> None:
    faults = template_faults(StepSource(subject, body_html, body_text))
    if faults:
        told = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
        raise BadInput(f"This template can't be saved. {told}", faults)
