"""`/_sandbox`: what tests and demos ask of the sandbox itself, beside SendGrid's own calls. Needs no key."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from xmit_pipeline.sandbox.account import TheAccount
from xmit_pipeline.sandbox.faults import FaultOrder

router = APIRouter(prefix="/_sandbox")


@router.get("/messages")
def list_messages(
    account: TheAccount,
    to: str = "",
    limit: Annotated[int, Query(ge=0, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Accepted mail as finally rendered, newest first; `to` is one whole address (SPEC 10, sandbox)."""
    page = account.mailbox.page(to=to or None, limit=limit, offset=offset)
    return {
        "messages": [mail.as_json() for mail in page.mails],
        "totalCount": page.total,
        "limit": limit,
        "offset": offset,
    }


@router.delete("/messages")
def clear_messages(account: TheAccount) -> dict[str, bool]:
    """Forget all mail and counts; faults stay."""
    account.mailbox.clear()
    return {"success": True}


@router.get("/stats")
def show_stats(account: TheAccount) -> dict[str, Any]:
    """Calls, refusals, mails, distinct `xmit_message` ids, ids accepted more than once, mails per UTC day."""
    return account.mailbox.stats()


@router.post("/faults")
def order_faults(order: FaultOrder, account: TheAccount) -> dict[str, Any]:
    """Put these faults in force in place of all others; answers what is in force."""
    account.faults.order(order.faults)
    return account.faults.as_json()


@router.get("/faults")
def show_faults(account: TheAccount) -> dict[str, Any]:
    """What is still in force, counts as they stand now."""
    return account.faults.as_json()


@router.delete("/faults")
def clear_faults(account: TheAccount) -> dict[str, bool]:
    """Back to normal."""
    account.faults.order([])
    return {"success": True}
