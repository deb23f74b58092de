"""SendGrid's calls for Event Webhooks and their signatures (Webhooks API, `tsg_webhooks_v3`)."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from xmit_pipeline.sandbox.account import require_key
from xmit_pipeline.sandbox.event_webhooks import MOST, EventWebhooks, WebhookSettings

router = APIRouter(prefix="/v3/user/webhooks/event/settings", dependencies=[Depends(require_key)])


def _webhooks_of(request: Request) -> EventWebhooks:
    return cast(EventWebhooks, request.app.state.event_webhooks)


Webhooks = Annotated[EventWebhooks, Depends(_webhooks_of)]


class Signing(BaseModel):
    """The body that turns signing on or off."""

    enabled: bool


@router.post("", status_code=201)
def create_webhook(settings: WebhookSettings, webhooks: Webhooks) -> dict[str, Any]:
    """A new webhook with its id."""
    return webhooks.create(settings)


@router.get("/all")
def list_webhooks(webhooks: Webhooks) -> dict[str, Any]:
    """Every webhook, and how many there may be."""
    return {"max_allowed": MOST, "webhooks": webhooks.all()}


@router.get("/signed/{webhook_id}")
def show_key(webhook_id: str, webhooks: Webhooks) -> dict[str, str]:
    """The public key, blank where the webhook is not signed."""
    return webhooks.key_of(webhook_id)


@router.patch("/signed/{webhook_id}")
def sign_webhook(webhook_id: str, signing: Signing, webhooks: Webhooks) -> dict[str, str]:
    """Turn signing on or off."""
    return webhooks.sign(webhook_id, enabled=signing.enabled)


@router.get("/{webhook_id}")
def show_webhook(webhook_id: str, webhooks: Webhooks) -> dict[str, Any]:
    """One webhook."""
    return webhooks.find(webhook_id)


@router.patch("/{webhook_id}")
def update_webhook(webhook_id: str, settings: WebhookSettings, webhooks: Webhooks) -> dict[str, Any]:
    """Replace a webhook's settings."""
    return webhooks.update(webhook_id, settings)


@router.delete("/{webhook_id}")
def delete_webhook(webhook_id: str, webhooks: Webhooks) -> Response:
    """Forget a webhook."""
    webhooks.delete(webhook_id)
    return Response(status_code=204)
