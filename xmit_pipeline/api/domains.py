"""Sending domains (SPEC 8); their warmup is in `warmup.py`."""

from fastapi import APIRouter

from xmit_pipeline.api.desk import AtDesk, AtSettings
from xmit_pipeline.api.paging import AtPage, cut
from xmit_pipeline.api.shapes import DomainId
from xmit_pipeline.api.shapes_sending import Domain, DomainDraft, Domains
from xmit_pipeline.delivery.identity import connected, is_authenticated
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.store import senders
from xmit_pipeline.store.verification import set_verified

router = APIRouter(prefix="/api/domains", tags=["domains"])


@router.get("")
def list_domains(desk: AtDesk, page: AtPage) -> Domains:
    """Domains by name."""
    with desk.reading() as (connection, _):
        rows = senders.domains(connection)
    domains = [Domain.model_validate(row) for row in cut(rows, page)]
    return Domains(domains=domains, total_count=len(rows), limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_domain(desk: AtDesk, draft: DomainDraft) -> Domain:
    """A new sending domain, without a limit."""
    with desk.changing() as (connection, now):
        domain_id = senders.add_domain(connection, draft.name, now, verified=draft.verified)
        desk.made(Kind.DOMAIN, domain_id)
        return Domain.model_validate(senders.get_domain(connection, domain_id))


@router.post("/{domain_id}/verify")
def verify_domain(desk: AtDesk, settings: AtSettings, domain_id: DomainId) -> Domain:
    """Ask SendGrid whether this domain is authenticated there; what it says holds for its senders too."""
    with desk.reading() as (connection, _):
        name = senders.get_domain(connection, domain_id)["name"]
    with connected(settings) as sendgrid:
        verified = is_authenticated(sendgrid, name)
    with desk.changing() as (connection, _):
        set_verified(connection, domain_id, verified=verified)
        return Domain.model_validate(senders.get_domain(connection, domain_id))


@router.get("/{domain_id}")
def get_domain(desk: AtDesk, domain_id: DomainId) -> Domain:
    """One domain."""
    with desk.reading() as (connection, _):
        return Domain.model_validate(senders.get_domain(connection, domain_id))
