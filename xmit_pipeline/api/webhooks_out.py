"""Outgoing webhooks: endpoints, and what became of what they were told (SPEC 8)."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from xmit_pipeline.api.desk import AtDesk
from xmit_pipeline.api.paging import AtPage, cut, paged
from xmit_pipeline.api.shapes import Success
from xmit_pipeline.api.shapes_webhooks import (
    Deliveries,
    Delivery,
    DeliveryId,
    NewSecret,
    NewWebhook,
    Webhook,
    WebhookChange,
    WebhookDraft,
    WebhookId,
    Webhooks,
)
from xmit_pipeline.delivery.outgoing_ping import post_ping
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.model.webhooks import DeliveryState
from xmit_pipeline.store import webhook_deliveries, webhooks
from xmit_pipeline.store.connection import Connection

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

StateFilter = Annotated[DeliveryState | None, Query(description="Only those in this status.")]


@router.get("")
def list_webhooks(desk: AtDesk, page: AtPage) -> Webhooks:
    """Endpoints, oldest first."""
    with desk.reading() as (connection, _):
        rows = webhooks.endpoints(connection)
    shown = [Webhook.model_validate(row) for row in cut(rows, page)]
    return Webhooks(webhooks=shown, total_count=len(rows), limit=page.limit, offset=page.offset)


@router.post("", status_code=201)
def create_webhook(desk: AtDesk, draft: WebhookDraft) -> NewWebhook:
    """A new endpoint; it hears of what happens from now on. The secret is shown this once."""
    with desk.changing() as (connection, now):
        endpoint_id, secret = webhooks.add_endpoint(connection, now, **draft.model_dump())
        desk.made(Kind.WEBHOOK, endpoint_id)
        row = webhooks.get_endpoint(connection, endpoint_id)
    return NewWebhook.model_validate({**row, "secret": secret})


@router.get("/{webhook_id}")
def get_webhook(desk: AtDesk, webhook_id: WebhookId) -> Webhook:
    """One endpoint; never its secret."""
    with desk.reading() as (connection, _):
        return Webhook.model_validate(webhooks.get_endpoint(connection, webhook_id))


@router.put("/{webhook_id}")
def update_webhook(desk: AtDesk, webhook_id: WebhookId, change: WebhookChange) -> Success:
    """Change what is given; enabling forgets past failures, and posts what waits."""
    describes = "description" in change.model_fields_set
    with desk.changing() as (connection, now):
        webhooks.update_endpoint(connection, webhook_id, now, **change.model_dump(), describes=describes)
    return Success()


@router.delete("/{webhook_id}")
def delete_webhook(desk: AtDesk, webhook_id: WebhookId) -> Success:
    """Tell it nothing more, and forget its deliveries."""
    with desk.changing() as (connection, now):
        webhooks.delete_endpoint(connection, webhook_id, now)
    return Success()


@router.post("/{webhook_id}/rotate")
def rotate_webhook_secret(desk: AtDesk, webhook_id: WebhookId) -> NewSecret:
    """A new secret, from the next post on; the old one signs nothing more."""
    with desk.changing() as (connection, now):
        return NewSecret(secret=webhooks.rotate_secret(connection, webhook_id, now))


@router.post("/{webhook_id}/test")
def test_webhook(request: Request, desk: AtDesk, webhook_id: WebhookId) -> Delivery:
    """Post a `ping` at once, also to a disabled endpoint, and answer what came of it; it is not tried again."""
    delivery_id = post_ping(
        desk.store, desk.clock, webhook_id, private_allowed=request.app.state.webhooks_private
    )
    with desk.reading() as (connection, _):
        return _delivery(connection, webhook_id, delivery_id)


@router.get("/{webhook_id}/deliveries")
def list_webhook_deliveries(
    desk: AtDesk, webhook_id: WebhookId, page: AtPage, status: StateFilter = None
) -> Deliveries:
    """What this endpoint was told, and what waits, newest first; what is over is kept for a week."""
    with desk.reading() as (connection, _):
        webhooks.get_endpoint(connection, webhook_id)
        rows, total = paged(
            partial(webhook_deliveries.deliveries_page, connection, webhook_id, state=status), page
        )
    shown = [Delivery.model_validate(row) for row in rows]
    return Deliveries(deliveries=shown, total_count=total, limit=page.limit, offset=page.offset)


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry")
def retry_webhook_delivery(desk: AtDesk, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
    """Let the next tick post it again, with all its attempts, whatever became of it before."""
    with desk.changing() as (connection, now):
        webhook_deliveries.retry_delivery(connection, webhook_id, delivery_id, now)
        return _delivery(connection, webhook_id, delivery_id)


def _delivery(connection: Connection, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    return Delivery.model_validate(webhook_deliveries.get_delivery(connection, webhook_id, delivery_id))
