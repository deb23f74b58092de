"""Sending domains (SPEC 8); their warmup is in `warmup.py`."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk, AtSettings
from xmit_pipeline.api.paging import AtPage, cut
from xmit_pipeline.api.shapes import DomainId
from xmit_pipeline.api.shapes_sending import Domain, DomainDraft, Domains
from xmit_pipeline.delivery.identity import connected, is_authenticated
from xmit_pipeline.model.health import Health
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.store import senders
from xmit_pipeline.store.health import domain_health
from xmit_pipeline.store.verification import set_verified

router = APIRouter(prefix="/api/domains", tags=["domains"])


@router.get("")
def list_domains(desk: AtDesk, page: AtPage) -> Domains:
    """Domains by name."""
    with desk.reading() as (connection, now):
        rows = senders.domains(connection)
        health = domain_health(connection, now)
    domains = [_shown(row, health) for row in cut(rows, page)]
    return Domains(domains=domains, total_count=len(rows), limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_domain(desk: AtDesk, draft: DomainDraft) -> Domain:
    """A new sending domain, without a limit."""
    with desk.changing() as (connection, now):
        domain_id = senders.add_domain(connection, draft.name, now, verified=draft.verified)
        desk.made(Kind.DOMAIN, domain_id)
        return _shown(senders.get_domain(connection, domain_id), domain_health(connection, now))


@router.post("/{domain_id}/verify")
def verify_domain(desk: AtDesk, settings: AtSettings, domain_id: DomainId) -> Domain:
    """Ask SendGrid whether this domain is authenticated there; what it says holds for its senders too."""
    with desk.reading() as (connection, _):
        name = senders.get_domain(connection, domain_id)["name"]
    with connected(settings) as sendgrid:
        verified = is_authenticated(sendgrid, name)
    with desk.changing() as (connection, now):
        set_verified(connection, domain_id, verified=verified)
        return _shown(senders.get_domain(connection, domain_id), domain_health(connection, now))


@router.get("/{domain_id}")
def get_domain(desk: AtDesk, domain_id: DomainId) -> Domain:
    """One domain."""
    with desk.reading() as (connection, now):
        return _shown(senders.get_domain(connection, domain_id), domain_health(connection, now))


def _shown(row: dict[str, Any], health: dict[UUID, Health]) -> Domain:
    return Domain.model_validate({**row, "health": health[row["id"]].row})
