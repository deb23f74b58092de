"""A test of one endpoint: a `ping`, posted at once and once, and kept among its deliveries."""

from typing import Any
from uuid import UUID

from xmit_pipeline.delivery.outgoing_post import post_delivery
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.webhooks import PING, DeliveryState
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.webhook_deliveries import write_ping
from xmit_pipeline.store.webhooks import get_endpoint, secret_of

_NOBODY = dict.fromkeys(
    ["message_id", "enrollment_id", "sequence_id", "step_id", "contact_id", "email", "details"]
)


def post_ping(store: Store, clock: Clock, endpoint_id: UUID, *, private_allowed: bool) -> UUID:
    """Post it, hold nothing of the store meanwhile, and answer the delivery's id. NotFound without an endpoint."""
    with store.snapshot() as connection:
        url = get_endpoint(connection, endpoint_id)["url"]
        secret = secret_of(connection, endpoint_id)
    created_at = clock.now()
    ping: dict[str, Any] = {
        "id": new_id(),
        "endpoint_id": endpoint_id,
        "type": PING,
        "created_at": created_at,
    }
    delivery = {**_NOBODY, **ping, "happened_at": created_at, "url": url, "secret": secret}
    heard = post_delivery(delivery, private_allowed=private_allowed)
    state = DeliveryState.DELIVERED if heard.delivered else DeliveryState.FAILED
    with store.transaction() as connection:
        answer = {"state": state, "status_code": heard.status_code, "words": heard.words}
        write_ping(connection, clock.now(), {**ping, **answer})
    return ping["id"]
