"""The audit trail: who changed what, and when."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from xmit_pipeline.dashboard.marks import LONGEST_SEARCH, AtMark, Search
from xmit_pipeline.dashboard.visit import AtVisit
from xmit_pipeline.store.dashboard_settings import audit_choices, audit_cut

PAGE = "/settings/audit"
router = APIRouter(prefix=PAGE)


@router.get("")
def show_audit(
    visit: AtVisit,
    who: Annotated[str, Query()] = "",
    what: Annotated[str, Query()] = "",
    q: Search = None,
    mark: AtMark = None,
) -> Response:
    """Every change that a key or a command made, newest first; `q` is an id or address that it was about."""
    by, deed = _clean(who), _clean(what)
    with visit.desk.reading() as (connection, _):
        cut = audit_cut(connection, who=by, what=deed, about=q, mark=mark)
        names, deeds = audit_choices(connection)
    about = {row["id"]: orjson.loads(row["details"]) for row in cut.rows}
    return visit.show("audit.html", cut=cut, about=about, who=by, what=deed, q=q, names=names, deeds=deeds)


def _clean(text: str) -> str | None:
    return text.replace("\0", "").strip()[:LONGEST_SEARCH] or None
