"""The audit: who changed what, and when (SPEC 3, 8)."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage, paged
from xmit_pipeline.api.shapes import Text
from xmit_pipeline.api.shapes_safety import AuditEntries, AuditEntry
from xmit_pipeline.store.audit import audit_page

router = APIRouter(prefix="/api/audit", tags=["audit"])

Who = Annotated[Text | None, Query(max_length=200, description="Only changes by the key of this name.")]
What = Annotated[Text | None, Query(max_length=200, description="Only calls of this name.")]
About = Annotated[Text | None, Query(max_length=254, description="Only changes about this id, or address.")]


@router.get("")
def list_audit(
    desk: AtDesk, page: AtPage, who: Who = None, what: What = None, about: About = None
) -> AuditEntries:
    """Every change that was made by a call or a command, newest first."""
    with desk.reading() as (connection, _):
        rows, total = paged(partial(audit_page, connection, who=who, what=what, about=about), page)
    shown = [AuditEntry.model_validate(row) for row in rows]
    return AuditEntries(entries=shown, total_count=total, limit=page.limit, offset=page.offset)
