"""Things as people name them on the command line: by public id, or by the name they gave."""

from uuid import UUID

from xmit_pipeline.model.errors import BadInput, NotFound
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.store.connection import Connection

SEQUENCES_NAMED = "SELECT id FROM sequence WHERE name = $name AND deleted_at IS NULL ORDER BY created_at"
LIST_NAMED = "SELECT id FROM list WHERE name = $name AND deleted_at IS NULL"


def sequence_called(connection: Connection, text: str) -> UUID:
    """The sequence with this id or name. BadInput where several have the name, NotFound where none has."""
    if text.startswith(f"{Kind.SEQUENCE}_"):
        return parse_id(Kind.SEQUENCE, text)
    found = [row[0] for row in connection.execute(SEQUENCES_NAMED, {"name": text}).fetchall()]
    if len(found) > 1:
        ids = ", ".join(public_id(Kind.SEQUENCE, each) for each in found)
        raise BadInput(f"{len(found)} sequences are named {text!r}; say which by id: {ids}.")
    if not found:
        raise NotFound(f"There is no sequence named {text!r}.")
    return found[0]


def list_called(connection: Connection, text: str) -> UUID:
    """The list with this id or name. NotFound where there is none."""
    if text.startswith(f"{Kind.LIST}_"):
        return parse_id(Kind.LIST, text)
    row = connection.execute(LIST_NAMED, {"name": text}).fetchone()
    if row is None:
        raise NotFound(f"There is no list named {text!r}.")
    return row[0]
