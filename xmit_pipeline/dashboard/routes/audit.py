"""The audit trail: who changed what, and when."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from xmit_pipeline.dashboard.audit_words import deed, facts_of, ids_in
from xmit_pipeline.dashboard.marks import LONGEST_SEARCH, AtMark, Search
from xmit_pipeline.dashboard.visit import AtVisit
from xmit_pipeline.store.dashboard_audit import names_of
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
    by, done = _clean(who), _clean(what)
    with visit.desk.reading() as (connection, _):
        cut = audit_cut(connection, who=by, what=done, about=q, mark=mark)
        names, deeds = audit_choices(connection)
        details = {row["id"]: orjson.loads(row["details"]) for row in cut.rows}
        named = names_of(connection, ids_in(details.values()))
    about = {entry: facts_of(each, named) for entry, each in details.items()}
    return visit.show(
        "audit.html", cut=cut, about=about, who=by, what=done, q=q, names=names,
        deeds=[(each, deed(each)) for each in deeds], deed=deed,
    )  # fmt: skip


def _clean(text: str) -> str | None:
    return text.replace("\0", "").strip()[:LONGEST_SEARCH] or None
