"""The account's Event Webhook settings, as SendGrid's API keeps them: several webhooks, each signed or not."""

from threading import Lock
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from xmit_pipeline.model.settings import is_loopback
from xmit_pipeline.sandbox.events_desk import EventsDesk
from xmit_pipeline.sandbox.validation.refusals import Refusal, Refused

MOST = 5
"""How many webhooks this account's plan allows."""


class WebhookSettings(BaseModel):
    """The body of a create or update: what is left out is off, for the call replaces all settings."""

    model_config = ConfigDict(extra="forbid")

    url: str
    enabled: bool = False
    friendly_name: str = ""
    account_status_change: bool = False
    bounce: bool = False
    click: bool = False
    deferred: bool = False
    delivered: bool = False
    dropped: bool = False
    group_resubscribe: bool = False
    group_unsubscribe: bool = False
    open: bool = False
    processed: bool = False
    spam_report: bool = False
    unsubscribe: bool = False
    oauth_client_id: str = ""
    oauth_client_secret: str = ""
    oauth_token_url: str = ""


class EventWebhooks:
    """All webhooks by id. An enabled one on this machine is where the sandbox's events go. Safe from any thread."""

    def __init__(self, desk: EventsDesk) -> None:
        self._desk = desk
        self._lock = Lock()
        self._settings: dict[str, WebhookSettings] = {}
        self._signed: set[str] = set()

    def all(self) -> list[dict[str, Any]]:
        """Every webhook, oldest first."""
        with self._lock:
            return [self._shown(webhook_id) for webhook_id in self._settings]

    def create(self, settings: WebhookSettings) -> dict[str, Any]:
        """A new webhook, not signed: signing can't be asked for here."""
        with self._lock:
            if len(self._settings) >= MOST:
                raise Refused(400, [Refusal(f"you may have {MOST} event webhooks")])
            webhook_id = str(uuid4())
            self._settings[webhook_id] = settings
        self._point(settings)
        return self.find(webhook_id)

    def update(self, webhook_id: str, settings: WebhookSettings) -> dict[str, Any]:
        """Replace all settings of a webhook; it stays signed."""
        self.find(webhook_id)
        with self._lock:
            self._settings[webhook_id] = settings
        self._point(settings)
        return self.find(webhook_id)

    def delete(self, webhook_id: str) -> None:
        """Forget a webhook."""
        self.find(webhook_id)
        with self._lock:
            del self._settings[webhook_id]
            self._signed.discard(webhook_id)

    def find(self, webhook_id: str) -> dict[str, Any]:
        """One webhook; 404 where there is none."""
        with self._lock:
            if webhook_id not in self._settings:
                raise Refused(404, [Refusal("webhook not found")])
            return self._shown(webhook_id)

    def sign(self, webhook_id: str, *, enabled: bool) -> dict[str, str]:
        """Turn signing on or off; answers the public key, blank where it is off."""
        self.find(webhook_id)
        with self._lock:
            (self._signed.add if enabled else self._signed.discard)(webhook_id)
        return self.key_of(webhook_id)

    def key_of(self, webhook_id: str) -> dict[str, str]:
        """The public key of a signed webhook, blank for another."""
        return {"id": webhook_id, "public_key": self.find(webhook_id).get("public_key", "")}

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._settings.clear()
            self._signed.clear()

    def _shown(self, webhook_id: str) -> dict[str, Any]:
        settings = self._settings[webhook_id].model_dump(exclude={"oauth_client_secret"})
        key = {"public_key": self._desk.key.public} if webhook_id in self._signed else {}
        return {"id": webhook_id, **settings, **key}

    def _point(self, settings: WebhookSettings) -> None:
        if settings.enabled and is_loopback(settings.url):
            self._desk.webhook = self._desk.webhook.model_copy(update={"url": settings.url})
