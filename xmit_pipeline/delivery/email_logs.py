"""SendGrid's Email Logs: a second proof that a request of unknown fate was taken (SPEC 6.6).

They can't be searched by custom args, so one recipient's mail of that time is opened and asked for our request
(POST /v3/logs and GET /v3/logs/{sg_message_id}). What they lack proves nothing.
"""

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


class EmailLogs:
    """Looks mail up; a key that may not read, or a service in trouble, finds nothing."""

    def __init__(self, calls: ControlCalls) -> None:
        self._calls = calls

    def holds(self, email: str, posted_at: datetime, xmit_request: str) -> bool:
        """Whether this address got mail of this request about then. Raises SendGridRefused."""
        if '"' in email or "\\" in email:
            return False
        query = (
            f'to_email="{email}" AND sg_message_id_created_at >= TIMESTAMP "{_second(posted_at - AROUND)}" '
            f'AND sg_message_id_created_at <= TIMESTAMP "{_second(posted_at + AROUND)}"'
        )
        found = self._calls.post("logs", {"query": query, "limit": MOST_MAILS}) or {}
        ids = [mail["sg_message_id"] for mail in found.get("messages", ())]
        return any(self._is_of(sg_message_id, xmit_request) for sg_message_id in ids)

    def _is_of(self, sg_message_id: str, xmit_request: str) -> bool:
        details: dict[str, Any] = self._calls.get(f"logs/{quote(sg_message_id, safe='')}") or {}
        args = [event.get("custom_args") or {} for event in details.get("events", ())]
        return any(each.get("xmit_request") == xmit_request for each in args)


def look_up_unknown(store: Store, clock: Clock, logs: EmailLogs) -> int:
    """Look up a few requests that nothing has proved, each hourly; answers how many were found."""
    now = clock.now()
    with store.snapshot() as connection:
        waiting = to_look_up(connection, now - EVERY, AT_A_TIME)
    found = 0
    for request in waiting:
        holds = _holds(logs, request)
        with store.transaction() as connection:
            looked_up(connection, request["id"], now, found=holds)
        found += holds
    return found


def _holds(logs: EmailLogs, request: dict[str, Any]) -> bool:
    if request["email"] is None:
        return False
    try:
        return logs.holds(request["email"], request["posted_at"], public_id(Kind.REQUEST, request["id"]))
    except SendGridRefused:
        return False


def _second(moment: datetime) -> str:
    return iso(moment.replace(microsecond=0))
