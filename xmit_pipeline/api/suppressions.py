"""Addresses that must not be mailed (SPEC 3, 8)."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage, Search, YesOrNo, paged
from xmit_pipeline.api.shapes import Address, Success
from xmit_pipeline.api.shapes_safety import Suppression, SuppressionCheck, SuppressionDraft, Suppressions
from xmit_pipeline.model.addresses import fold_address
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import suppressions

router = APIRouter(prefix="/api/suppressions", tags=["suppressions"])

ReasonFilter = Annotated[
    SuppressionReason | None, Query(description="Only those for this reason.", examples=["bounce"])
]
IdOrAddress = Annotated[
    str,
    Path(description="The id of a suppression, or an e-mail address.", examples=["ada@example.org"]),
]
Force = Annotated[
    YesOrNo,
    Query(description="Lift also what the person decided (unsubscribe, complaint); the audit keeps who did."),
]


@router.get("")
def list_suppressions(
    desk: AtDesk, page: AtPage, reason: ReasonFilter = None, q: Search = None
) -> Suppressions:
    """What is suppressed at present, newest first; `q` searches in the address."""
    with desk.reading() as (connection, now):
        rows, total = paged(
            partial(suppressions.suppressions_page, connection, now, reason=reason, q=q), page
        )
    shown = [Suppression.model_validate(row) for row in rows]
    return Suppressions(suppressions=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_suppression(desk: AtDesk, draft: SuppressionDraft) -> Suppression:
    """Mail this address no more; its contact leaves all sequences at once."""
    with desk.changing() as (connection, now):
        suppression_id = suppressions.suppress(
            connection, draft.email, draft.reason, now, source=draft.source, expires_at=draft.expires_at
        )
        desk.made(Kind.SUPPRESSION, suppression_id)
        found = suppressions.suppressions_of(connection, draft.email, now)
    return next(Suppression.model_validate(row) for row in found if row["id"] == suppression_id)


@router.get("/check/{email:path}")
def check_suppression(desk: AtDesk, email: Address) -> SuppressionCheck:
    """Whether an address is suppressed, and since when for which reason."""
    with desk.reading() as (connection, now):
        found = suppressions.suppressions_of(connection, email, now)
    return SuppressionCheck.model_validate(
        {**found[0], "suppressed": True} if found else {"suppressed": False}
    )


@router.delete("/check/{email:path}", include_in_schema=False)
def delete_check() -> None:
    """A check can't be deleted; an address that begins with `check/` is lifted by the id of its suppression."""
    raise HTTPException(405)


@router.delete("/{id_or_email:path}")
def delete_suppression(desk: AtDesk, id_or_email: IdOrAddress, force: Force = "false") -> Success:
    """Mail the address again, for an id that one, for an address all of its suppressions; it revives no enrollment.

    An address that is not suppressed is a success too, so that repeating the call is harmless.
    """
    forced = force == "true"
    with desk.changing() as (connection, now):
        if "@" in id_or_email:
            address = fold_address(id_or_email)
            if suppressions.suppressions_of(connection, address, now):
                suppressions.lift_address(connection, address, now, who=desk.who, force=forced)
        else:
            suppression_id = parse_id(Kind.SUPPRESSION, id_or_email)
            suppressions.lift_suppression(connection, suppression_id, now, who=desk.who, force=forced)
    return Success()
