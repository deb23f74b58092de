"""A domain's warmup: its settings, its day, and its brake (SPEC 4, 8)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.shapes import DomainId, Success
from xmit_pipeline.api.shapes_sending import Warmup, WarmupChange, WarmupPause
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.store import warmup
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.senders import get_domain

router = APIRouter(prefix="/api/domains/{domain_id}/warmup", tags=["domains"])

BY_HAND = "paused by hand"


@router.get("")
def get_warmup(desk: AtDesk, domain_id: DomainId) -> Warmup:
    """A domain's warmup, and how many places are left today."""
    with desk.reading() as (connection, now):
        return _warmup(connection, domain_id, now)


@router.put("")
def update_warmup(desk: AtDesk, domain_id: DomainId, change: WarmupChange) -> Success:
    """Change what is given, at once also for the rest of the day; enabling starts day 1."""
    changes = change.model_dump(exclude_unset=True)
    if "table" in changes:
        changes["table"] = changes["table"] or []
    with desk.changing() as (connection, now):
        warmup.configure(connection, domain_id, now, **changes)
    return Success()


@router.post("/pause")
def pause_warmup(desk: AtDesk, domain_id: DomainId, given: WarmupPause | None = None) -> Warmup:
    """Nothing more goes out over this domain until it is resumed."""
    reason = given.reason if given else None
    with desk.changing() as (connection, now):
        warmup.pause(connection, domain_id, now, reason or BY_HAND)
        return _warmup(connection, domain_id, now)


@router.post("/resume")
def resume_warmup(desk: AtDesk, domain_id: DomainId) -> Warmup:
    """Back to the state and day before the pause."""
    with desk.changing() as (connection, now):
        warmup.resume(connection, domain_id, now)
        return _warmup(connection, domain_id, now)


def _warmup(connection: Connection, domain_id: UUID, now: datetime) -> Warmup:
    row = get_domain(connection, domain_id)
    today = next(day for day in warmup.domain_days(connection, now) if day.domain_id == domain_id)
    paused = today.state is WarmupState.PAUSED
    enabled = warmup.state_beneath(row) is WarmupState.ACTIVE
    return Warmup(
        enabled=enabled,
        state=today.state,
        start=row["warmup_start"],
        factor=row["warmup_factor"],
        target=row["warmup_target"],
        table=row["warmup_table"],
        pacing=today.pacing,
        hold_target=row["warmup_hold_target"],
        day=today.day if enabled else None,
        limit=today.limit,
        used=today.used,
        left=0 if paused else today.left,
        pause_reason=today.pause_reason,
    )
