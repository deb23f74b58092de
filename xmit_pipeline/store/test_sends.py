"""Test sends: one mail to one address to look at, with a place in the warmup day and no enrollment (SPEC 8).

A test send is a request of its own kind: it has no message, so it counts in no metric, and no tick posts it. It
is made inflight at once; whoever makes it holds the test lock until it is settled (`delivery.test_send`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection, frame, rows_as_dicts
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.steps import get_step
from xmit_pipeline.store.suppressions import suppressions_of
from xmit_pipeline.store.warmup import domain_days

TICK = "test-send"
"""What stands in `request.tick_id`: no tick claimed it, so none recovers it as its own."""

SENDER = """
SELECT sender.id AS sender_id, sender.domain_id, sender.email AS from_email, sender.name AS from_name,
    sender.reply_to, step_sender.usable
FROM step_sender JOIN sender ON sender.id = step_sender.sender_id
WHERE step_sender.step_id = $step_id
"""

UNMAILABLE = "SELECT status FROM contact WHERE email = $email AND status <> 'active' AND deleted_at IS NULL"

RESERVE = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    day_limit, boot_id, created_at)
VALUES ($id, $tick_id, $sequence_id, $step_id, $sender_id, $domain_id, 'inflight', 1, 0, $today,
    $day_limit, $boot_id, $now)
"""

REMEMBER = "INSERT INTO test_send VALUES ($id, $request_id, $email, $now)"

OPEN = """
SELECT id::VARCHAR AS request_id, state, boot_id FROM request
WHERE tick_id = getvariable('test_tick') AND state IN ('claimed', 'inflight')
"""

SETTLE = """
UPDATE request SET state = $outcome, settled_at = $now, posted_at = $posted_at, status_code = $status_code,
    provider_id = $provider_id, words = $words
WHERE id = $id AND state = 'inflight'
"""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A test that may be posted on the day of `reserved_at`; `batch` is its sender: from_email, from_name, reply_to."""

    message_id: UUID
    request_id: UUID
    batch: dict[str, Any]
    step: dict[str, Any]
    reserved_at: datetime


def reserve_test(
    connection: Connection, sequence_id: UUID, step_id: UUID, email: str, now: datetime, boot_id: str
) -> Reserved:
    """Take a place in the sender's warmup day, and commit the request as inflight.

    Conflict where the address must not be mailed, the step has no usable sender, or the day has no place left.
    """
    step = get_step(connection, sequence_id, step_id)
    _check_address(connection, email, now)
    sender = _usable_sender(connection, step_id)
    reserved = Reserved(new_id(), new_id(), sender, step, now)
    connection.execute(
        RESERVE,
        {
            "id": reserved.request_id,
            "tick_id": TICK,
            "sequence_id": sequence_id,
            "step_id": step_id,
            "sender_id": sender["sender_id"],
            "domain_id": sender["domain_id"],
            "today": utc_day(now),
            "day_limit": _day_limit(connection, sender["domain_id"], now),
            "boot_id": boot_id,
            "now": now,
        },
    )
    test = {"id": reserved.message_id, "request_id": reserved.request_id, "email": email, "now": now}
    connection.execute(REMEMBER, test)
    return reserved


def settle_test(
    connection: Connection,
    request_id: UUID | str,
    now: datetime,
    *,
    outcome: str,
    posted_at: datetime,
    status_code: int | None = None,
    provider_id: str | None = None,
    words: str | None = None,
) -> None:
    """Put a test where its answer puts it: `accepted`, `refused`, `released` or `unknown`; repeats change nothing."""
    answer = {"outcome": outcome, "posted_at": posted_at, "status_code": status_code, "words": words}
    connection.execute(SETTLE, {"id": str(request_id), **answer, "provider_id": provider_id, "now": now})


def open_tests(connection: Connection) -> pl.DataFrame:
    """Tests that nobody settled: request_id, state, boot_id. Under the test lock they belong to the dead."""
    return frame(connection, OPEN, {"test_tick": TICK})


def _check_address(connection: Connection, email: str, now: datetime) -> None:
    found = suppressions_of(connection, email, now)
    if found:
        raise Conflict(
            f"{email} is suppressed ({found[0]['reason']}); a test goes only to who may be mailed."
        )
    contact = connection.execute(UNMAILABLE, {"email": email}).fetchone()
    if contact:
        raise Conflict(f"The contact {email} is {contact[0]}; a test goes only to who may be mailed.")


def _usable_sender(connection: Connection, step_id: UUID) -> dict[str, Any]:
    connection.execute(STEP_SENDERS)
    found = rows_as_dicts(connection, SENDER, {"step_id": step_id})
    if not found or not found[0]["usable"]:
        raise Conflict(
            "This step has no usable sender: name one on a verified domain, release the one that is held, or set "
            "a default sender."
        )
    return found[0]


def _day_limit(connection: Connection, domain_id: UUID, now: datetime) -> int | None:
    """Today's limit of a domain that has a place left for a test."""
    today = next(day for day in domain_days(connection, now) if day.domain_id == domain_id)
    if today.state is WarmupState.PAUSED:
        raise Conflict(f"{today.name} is paused ({today.pause_reason}); resume its warmup first.")
    if today.left is not None and today.left <= 0:
        raise Conflict(
            f"Today's {today.limit} places of {today.name} are taken; test again after midnight UTC."
        )
    return today.limit
