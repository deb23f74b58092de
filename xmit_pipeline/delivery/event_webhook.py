"""SendGrid's Event Webhook as this program needs it: one, with every kind of event, signed (SPEC 7)."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xmit_pipeline.delivery.control_calls import ControlCalls, SendGridRefused, path_part

NAME = "xmit"
"""What the webhook is called at SendGrid, so that it is found again when the address has changed."""
PATH = "/webhooks/sendgrid"
KINDS = (
    "bounce", "click", "deferred", "delivered", "dropped", "group_resubscribe", "group_unsubscribe", "open",
    "processed", "spam_report", "unsubscribe",
)  # fmt: skip
"""All that befalls mail; what befalls the account (`account_status_change`) is left as it is."""

_SETTINGS = "user/webhooks/event/settings"
_CARRIED = ("account_status_change", "oauth_client_id", "oauth_token_url")


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """What is to be done about one webhook; `webhook_id` is None where there is none yet, `differs` what is wrong."""

    url: str
    webhook_id: str | None
    differs: tuple[str, ...]
    signed: bool
    settings: dict[str, Any]


def plan_webhook(calls: ControlCalls, public_url: str) -> WebhookPlan:
    """Compare SendGrid's settings with what is needed; changes nothing."""
    url = f"{public_url}{PATH}"
    answer = calls.get(f"{_SETTINGS}/all")
    known = answer.get("webhooks") or [] if isinstance(answer, dict) else []
    found = _ours(known, url)
    wanted: dict[str, Any] = {"url": url, "enabled": True, "friendly_name": NAME} | dict.fromkeys(KINDS, True)
    if found is None:
        return WebhookPlan(url, None, (), signed=False, settings=wanted)
    differs = tuple(name for name, value in wanted.items() if found.get(name) != value)
    kept = {name: found[name] for name in _CARRIED if found.get(name)}
    return WebhookPlan(url, str(found["id"]), differs, bool(found.get("public_key")), {**kept, **wanted})


def apply_webhook(calls: ControlCalls, plan: WebhookPlan) -> str:
    """Create or mend the webhook, turn signing on, and answer the public key that verifies its posts."""
    webhook_id = plan.webhook_id
    if webhook_id is None:
        webhook_id = str(calls.post(_SETTINGS, plan.settings)["id"])
    elif plan.differs:
        calls.patch(f"{_SETTINGS}/{path_part(webhook_id)}", plan.settings)
    signing = f"{_SETTINGS}/signed/{path_part(webhook_id)}"
    answer = calls.get(signing) if plan.signed else calls.patch(signing, {"enabled": True})
    key = str(answer.get("public_key") or "") if isinstance(answer, dict) else ""
    if not key:
        raise SendGridRefused(
            "SendGrid did not show the webhook's public key. Turn on Signed Event Webhook in its Mail Settings, "
            "and set SENDGRID_WEBHOOK_PUBLIC_KEY."
        )
    return key


def keep_key(path: Path, key: str) -> bool:
    """Write the key where the API finds it, whole or not at all; False where it is there already."""
    if path.is_file() and path.read_text().strip() == key:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(f"{key}\n")
    fresh.replace(path)
    return True


def _ours(known: list[dict[str, Any]], url: str) -> dict[str, Any] | None:
    by_url = [webhook for webhook in known if str(webhook.get("url", "")).rstrip("/") == url]
    by_name = [webhook for webhook in known if webhook.get("friendly_name") == NAME]
    return next(iter(by_url + by_name), None)
