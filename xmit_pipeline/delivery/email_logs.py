"""SendGrid's Email Logs: a second proof that a request of unknown fate was taken (SPEC 6.6).

They can't be searched by custom args, so one recipient's mail of that time is opened and asked for our request
(POST /v3/logs and GET /v3/logs/{sg_message_id}). What they lack proves nothing.
"""

import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from xmit_pipeline.delivery.control_calls import ControlCalls, SendGridRefused
from xmit_pipeline.model.clock import Clock, iso
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.unknown import looked_up, to_look_up

AROUND = timedelta(minutes=10)
"""How far SendGrid's clock and queue may be from ours."""
EVERY = timedelta(hours=1)
AT_A_TIME = 5
MOST_MAILS = 20
SECONDS = 20.0
"""What one round of look-ups may take: no call begins after that, so that a tick waits for no log."""


class EmailLogs:
    """Looks mail up; a key that may not read, or a service in trouble, finds nothing."""

    def __init__(self, calls: ControlCalls) -> None:
        self._calls = calls

    def holds(self, email: str, posted_at: datetime, xmit_request: str, until: float = float("inf")) -> bool:
        """Whether this address got mail of this request about then; no call begins after `until` (monotonic).

        Raises SendGridRefused.
        """
        if '"' in email or "\\" in email:
            return False
        query = (
            f'to_email="{email}" AND sg_message_id_created_at >= TIMESTAMP "{_second(posted_at - AROUND)}" '
            f'AND sg_message_id_created_at <= TIMESTAMP "{_second(posted_at + AROUND)}"'
        )
        found = _rows(self._calls.post("logs", {"query": query, "limit": MOST_MAILS}), "messages")
        ids = [mail["sg_message_id"] for mail in found if isinstance(mail.get("sg_message_id"), str)]
        return any(time.monotonic() < until and self._is_of(each, xmit_request) for each in ids)

    def _is_of(self, sg_message_id: str, xmit_request: str) -> bool:
        events = _rows(self._calls.get(f"logs/{quote(sg_message_id, safe='')}"), "events")
        args = [event["custom_args"] for event in events if isinstance(event.get("custom_args"), dict)]
        return any(each.get("xmit_request") == xmit_request for each in args)


def look_up_unknown(store: Store, clock: Clock, logs: EmailLogs, posted_by: datetime | None = None) -> int:
    """Look up a few requests that nothing has proved, each hourly; answers how many were found.

    With `posted_by` only those posted by then. What there is no time for, the next tick looks up.
    """
    now, until = clock.now(), time.monotonic() + SECONDS
    with store.snapshot() as connection:
        waiting = to_look_up(connection, now - EVERY, AT_A_TIME)
    found = 0
    for request in waiting:
        if time.monotonic() >= until or (posted_by and request["posted_at"] > posted_by):
            break
        holds = _holds(logs, request, until)
        with store.transaction() as connection:
            looked_up(connection, request["id"], now, found=holds)
        found += holds
    return found


def _holds(logs: EmailLogs, request: dict[str, Any], until: float) -> bool:
    if request["email"] is None:
        return False
    try:
        return logs.holds(
            request["email"], request["posted_at"], public_id(Kind.REQUEST, request["id"]), until
        )
    except SendGridRefused:
        return False


def _rows(answer: Any, name: str) -> list[dict[str, Any]]:
    """The objects of an answer's list; none where it is of another shape."""
    rows = answer.get(name) if isinstance(answer, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _second(moment: datetime) -> str:
    return iso(moment.replace(microsecond=0))
