"""What outgoing webhooks tell, how a body is written and signed, and when it is tried again (SPEC 8); pure."""

import hmac
import random
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import orjson

from xmit_pipeline.model.clock import iso
from xmit_pipeline.model.ids import Kind, public_id

TRIES = 8
FIRST_WAIT_SECONDS = 60.0
WAIT_GROWTH = 3.15
"""Seven waits that grow so add up to a day: 1, 3, 10, 31, 98, 310 and 977 minutes."""
JITTER = 0.2

PING = "ping"
"""The type of a test; nobody subscribes to it."""

_IDS = {
    "messageId": ("message_id", Kind.MESSAGE),
    "enrollmentId": ("enrollment_id", Kind.ENROLLMENT),
    "sequenceId": ("sequence_id", Kind.SEQUENCE),
    "stepId": ("step_id", Kind.STEP),
    "contactId": ("contact_id", Kind.CONTACT),
}


class WebhookType(StrEnum):
    """What an endpoint can hear of."""

    SENT = "email.sent"
    DELIVERED = "email.delivered"
    OPENED = "email.opened"
    CLICKED = "email.clicked"
    BOUNCED = "email.bounced"
    COMPLAINED = "email.complained"
    COMPLETED = "enrollment.completed"
    EXITED = "enrollment.exited"


class DeliveryState(StrEnum):
    """How far one delivery has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


def body_of(delivery: Mapping[str, Any]) -> bytes:
    """The JSON body of a delivery's row: the same bytes at every attempt, for the row's facts never change."""
    ids = {
        name: public_id(kind, delivery[column])
        for name, (column, kind) in _IDS.items()
        if delivery[column] is not None
    }
    details = orjson.loads(delivery["details"] or "{}")
    data = {
        **ids,
        "recipient": delivery["email"],
        "happenedAt": iso(delivery["happened_at"]),
        **{name: value for name, value in details.items() if value is not None},
    }
    return orjson.dumps(
        {
            "id": public_id(Kind.DELIVERY, delivery["id"]),
            "type": delivery["type"],
            "createdAt": iso(delivery["created_at"]),
            "data": {name: value for name, value in data.items() if value is not None},
        }
    )


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Xmit-Signature`: HMAC-SHA256 of the body under the endpoint's secret."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def wait_seconds(tries_left: int) -> float:
    """How long after an attempt failed, with so many left including it, the next one waits; never twice the same."""
    failed_before = max(0, TRIES - tries_left)
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  (jitter, no secret)
    return FIRST_WAIT_SECONDS * WAIT_GROWTH**failed_before * spread
