"""Addresses that must not be mailed: found, added, and lifted; what a person decided only by force (SPEC 3)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from xmit_pipeline.api import suppressions as calls
from xmit_pipeline.api.shapes import SuppressionId
from xmit_pipeline.api.shapes_safety import SuppressionDraft
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.marks import AtMark, Search
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.dashboard.wording import suppression
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.lifecycle import LIFTABLE, SuppressionReason
from xmit_pipeline.store.dashboard_settings import suppression_counts, suppressions_cut
from xmit_pipeline.store.suppressions import suppression_of

PAGE = "/sending/suppressions"
router = APIRouter(prefix=PAGE)


@router.get("")
def show_suppressions(
    visit: AtVisit, reason: Annotated[str, Query()] = "", q: Search = None, mark: AtMark = None
) -> Response:
    """What is suppressed at present, newest first."""
    wanted = reason if reason in set(SuppressionReason) else None
    with visit.desk.reading() as (connection, now):
        cut = suppressions_cut(connection, now, reason=wanted, q=q, mark=mark)
        counts = suppression_counts(connection, now)
    return visit.show("suppressions.html", cut=cut, counts=counts, q=q, wanted=wanted)


@router.get("/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return _new(visit, {"reason": SuppressionReason.MANUAL.value}, {})


@router.post("")
def create(visit: AtVisit) -> Response:
    """Mail an address no more, from now."""
    form = visit.form
    values: dict[str, Any] = {
        "email": form.text("email").strip(),
        "reason": form.text("reason"),
        "expiresAt": form.optional("expiresAt"),
        "source": "dashboard",
    }
    try:
        made = calls.create_suppression(visit.asking("create_suppression"), checked(SuppressionDraft, values))
    except (BadInput, Conflict) as error:
        return _new(visit, values, _faults(error))
    return visit.go(PAGE, f"{made.email} is mailed no more; it has left every sequence.")


@router.post("/{suppression_id}/lift")
def lift(visit: AtVisit, suppression_id: SuppressionId) -> Response:
    """Mail the address again; what the person decided takes force, and the audit keeps who used it."""
    row = _suppression(visit, suppression_id)
    if not visit.sure:
        return visit.ask(_deed(row))
    firm = row["reason"] not in LIFTABLE
    known = public_id(Kind.SUPPRESSION, suppression_id)
    asking = visit.asking("delete_suppression", idOrEmail=known)
    calls.delete_suppression(asking, known, "true" if firm and visit.form.flag("force") else "false")
    return visit.go(PAGE, f"{row['email']} may be mailed again; it is back in no sequence by that.")


def _deed(row: dict[str, Any]) -> Deed:
    back = "It comes back into no sequence by that; who enrolls or imports it anew may."
    if row["reason"] in LIFTABLE:
        what = (f"{row['email']} may be mailed again ({suppression(row['reason'])}).", back)
        return Deed(f"Lift the suppression of {row['email']}?", what, "Lift it", PAGE, tone="")
    what = (
        f"The person said so themselves: {row['email']}, {suppression(row['reason'])}. Mailing them again without "
        "their consent is against the law in most places.",
        "Lift it only where they have asked you to. The audit keeps that it was you, and that it was by force.",
        back,
    )
    return Deed(f"Lift by force what {row['email']} decided?", what, "Lift it by force", PAGE)


def _new(visit: Visit, values: dict[str, Any], faults: Faults) -> Response:
    return visit.show("suppression_new.html", status=400 if faults else 200, values=values, faults=faults)


def _faults(error: BadInput | Conflict) -> Faults:
    if isinstance(error, Conflict):
        return {"email": str(error)}
    return faults_by_field(error, "expiresAt")


def _suppression(visit: Visit, suppression_id: UUID) -> dict[str, Any]:
    with visit.desk.reading() as (connection, now):
        found = suppression_of(connection, suppression_id, now)
    if found is None:
        raise NotFound("There is no such suppression; it may be lifted already.")
    return found
