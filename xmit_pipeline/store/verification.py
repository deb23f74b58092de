"""Whether a domain may send; its senders inherit it."""

from uuid import UUID

from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.senders import get_domain

SENDERS = "UPDATE sender SET verified = $verified WHERE domain_id = $id AND deleted_at IS NULL"


def set_verified(connection: Connection, domain_id: UUID, *, verified: bool) -> None:
    """What SendGrid says of a domain holds for it and all its senders; who is due waits while it may not send."""
    get_domain(connection, domain_id)
    parameters = {"id": domain_id, "verified": verified}
    connection.execute("UPDATE domain SET verified = $verified WHERE id = $id", parameters)
    connection.execute(SENDERS, parameters)
