"""SendGrid's suppression calls: the five lists, the global one, the ASM groups' (Suppressions API)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from xmit_pipeline.sandbox.account import TheAccount, require_key
from xmit_pipeline.sandbox.suppressions import ListName
from xmit_pipeline.sandbox.validation.refusals import Refusal, Refused

router = APIRouter(prefix="/v3", dependencies=[Depends(require_key)])

MAX_PAGE = 500


class Recipients(BaseModel):
    """The body of every call that adds addresses."""

    recipient_emails: list[str]


@router.get("/suppression/{list_name}")
def list_suppressions(
    list_name: ListName,
    account: TheAccount,
    *,
    start_time: int | None = None,
    end_time: int | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
    offset: Annotated[int, Query(ge=0)] = 0,
    email: str = "",
) -> list[dict[str, Any]]:
    """Entries newest first; times are Unix seconds and inclusive, `email` is the beginning of an address."""
    entries = account.suppressions.entries(list_name, start=start_time, end=end_time, prefix=email)
    return [entry.as_json(list_name) for entry in entries[offset : offset + limit]]


@router.delete("/suppression/{list_name}/{email:path}")
def delete_suppression(list_name: ListName, email: str, account: TheAccount) -> Response:
    """Take one address off a list; 404 where it is not on it."""
    if list_name == "unsubscribes" or not account.suppressions.remove(list_name, email):
        raise Refused(404, [Refusal("resource not found")])
    return Response(status_code=204)


@router.post("/asm/suppressions/global", status_code=201)
def suppress_globally(body: Recipients, account: TheAccount) -> Recipients:
    """Unsubscribe addresses from everything; they appear on the list `unsubscribes`."""
    for email in body.recipient_emails:
        account.suppressions.add("unsubscribes", email)
    return body


@router.get("/asm/suppressions/global/{email:path}")
def find_global_suppression(email: str, account: TheAccount) -> dict[str, str]:
    """`{"recipient_email": ...}`, or `{}` where the address is not suppressed."""
    entry = account.suppressions.find("unsubscribes", email)
    return {} if entry is None else {"recipient_email": entry.email}


@router.delete("/asm/suppressions/global/{email:path}")
def lift_global_suppression(email: str, account: TheAccount) -> Response:
    """204, also where the address was not suppressed."""
    account.suppressions.remove("unsubscribes", email)
    return Response(status_code=204)


@router.get("/asm/groups/{group}/suppressions")
def list_group(group: int, account: TheAccount) -> list[str]:
    """The addresses on a group's list; every number is a group."""
    return account.suppressions.group(group)


@router.post("/asm/groups/{group}/suppressions", status_code=201)
def suppress_in_group(group: int, body: Recipients, account: TheAccount) -> Recipients:
    """Put addresses on a group's list."""
    for email in body.recipient_emails:
        account.suppressions.add_to_group(group, email)
    return body


@router.delete("/asm/groups/{group}/suppressions/{email:path}")
def lift_in_group(group: int, email: str, account: TheAccount) -> Response:
    """204, also where the address was not on the list."""
    account.suppressions.remove_from_group(group, email)
    return Response(status_code=204)
