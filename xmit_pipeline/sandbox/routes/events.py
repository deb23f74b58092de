"""`/_sandbox`: people, webhook and events, on order. What SendGrid does by itself, tests and demos ask for here."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from xmit_pipeline.sandbox.account import TheAccount
from xmit_pipeline.sandbox.events_desk import kind_of, totals
from xmit_pipeline.sandbox.index import MESSAGE_ARG
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.webhook_order import WebhookOrder, shown

router = APIRouter(prefix="/_sandbox")


class Emit(BaseModel):
    """The body of `POST /_sandbox/events`: a moment, ISO 8601 or Unix seconds; the clock's without one."""

    model_config = ConfigDict(extra="forbid")

    until: datetime | None = None

    @property
    def moment(self) -> float:
        """Unix seconds; a time without a zone is UTC."""
        until = self.until or datetime.now(UTC)
        return (until.replace(tzinfo=UTC) if until.tzinfo is None else until).timestamp()


@router.post("/people")
def order_people(order: PeopleOrder, account: TheAccount) -> dict[str, Any]:
    """From now on mail has readers, and whatever is in the mailbox and not taken up yet has, too."""
    account.events.people = order
    return order.model_dump()


@router.get("/people")
def show_people(account: TheAccount) -> dict[str, Any]:
    """The people in force, as they were ordered; null where there are none."""
    order = account.events.people
    return {"people": None if order is None else order.model_dump()}


@router.delete("/people")
def dismiss_people(account: TheAccount) -> dict[str, bool]:
    """Nothing happens any more."""
    account.events.people = None
    return {"success": True}


@router.post("/webhook")
def order_webhook(order: WebhookOrder, account: TheAccount) -> dict[str, Any]:
    """Where events go from now on, and how; answers the order with the public key that verifies them."""
    account.events.webhook = order
    return shown(order, account.events.key.public)


@router.get("/webhook")
def show_webhook(account: TheAccount) -> dict[str, Any]:
    """The order in force, with the public key."""
    return shown(account.events.webhook, account.events.key.public)


@router.post("/events")
def emit_events(body: Emit, account: TheAccount) -> dict[str, Any]:
    """Let everything happen up to a moment and post it; answers when all is taken, or given up."""
    return account.events.emit(body.moment).as_json()


@router.get("/events")
def list_events(
    account: TheAccount,
    message: str = "",
    kind: str = "",
    limit: Annotated[int, Query(ge=0, le=10_000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """What has happened, in order of time; `message` is an `xmit_message`, `kind` one of the totals' names."""
    past = account.events.past()
    chosen = [
        event
        for event in past.events
        if message in ("", event.get(MESSAGE_ARG)) and kind in ("", kind_of(event))
    ]
    return {
        "events": chosen[offset : offset + limit],
        "totalCount": len(chosen),
        "limit": limit,
        "offset": offset,
        "totals": totals(past.events, len(past.one_clicks)),
        "oneClicks": [wish.as_json() for wish in past.one_clicks],
    }


@router.get("/events/totals")
def show_totals(account: TheAccount) -> dict[str, Any]:
    """How many of each kind, in all and for each `xmit_message` (events without one are in no message's)."""
    past = account.events.past()
    by_message: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    wishes: defaultdict[str, int] = defaultdict(int)
    for event in past.events:
        by_message[event.get(MESSAGE_ARG, "")].append(event)
    for wish in past.one_clicks:
        wishes[wish.custom_args.get(MESSAGE_ARG, "")] += 1
    return {
        "totals": totals(past.events, len(past.one_clicks)),
        "byMessage": {
            message: totals(by_message[message], wishes[message])
            for message in dict.fromkeys([*by_message, *wishes])
            if message
        },
    }
