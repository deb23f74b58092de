"""`xmit setup-sendgrid`: the event webhook, its signature, and whether senders may send; says what it did."""

import os
from collections.abc import Iterator

from xmit_pipeline.cli.console import out, table_of
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.delivery.control_calls import ControlCalls, control_calls
from xmit_pipeline.delivery.event_webhook import WebhookPlan, apply_webhook, keep_key, plan_webhook
from xmit_pipeline.delivery.sender_identities import identities_of
from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.settings import Settings, webhook_key_file
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.senders import domains, senders

Row = tuple[str, str, str]
"""What, how it is, what to do."""


def run_setup(*, dry_run: bool) -> None:
    """Create or mend what SendGrid needs to know; repeats change nothing, `dry_run` only says what would be done."""
    with opened_store() as (store, settings):
        _refuse_unreachable(settings)
        with control_calls(settings) as calls:
            rows = [*_webhook(calls, settings, dry_run=dry_run), *_identities(calls, store)]
    table = table_of(["what", "how it is", "what to do"])
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _refuse_unreachable(settings: Settings) -> None:
    """SendGrid posts to public https addresses alone; the sandbox posts to this machine."""
    if settings.host_is_loopback:
        return
    if not settings.public_url_is_reachable:
        raise ConfigurationFault(
            f"XMIT_PUBLIC_URL is {settings.public_url}; SendGrid can't post events there. Set your https address."
        )


def _webhook(calls: ControlCalls, settings: Settings, *, dry_run: bool) -> Iterator[Row]:
    plan = plan_webhook(calls, settings.public_url)
    if dry_run:
        yield "event webhook", _planned(plan), ""
        yield "signature", "is on" if plan.signed else "would be turned on", ""
        return
    key = apply_webhook(calls, plan)
    yield "event webhook", _done(plan), ""
    path = webhook_key_file(settings.home)
    kept = keep_key(path, key)
    yield "signature", f"on; its public key is {'now' if kept else 'already'} in {path}", ""
    given = os.environ.get("SENDGRID_WEBHOOK_PUBLIC_KEY", "").strip()
    if given and given != key:
        yield (
            "SENDGRID_WEBHOOK_PUBLIC_KEY",
            "is another key, and goes before the file",
            "Leave it out, or set it to the key in the file: events are refused until then.",
        )


def _planned(plan: WebhookPlan) -> str:
    if plan.webhook_id is None:
        return f"would be created for {plan.url}, with all kinds of events"
    return f"would be changed: {', '.join(plan.differs)}" if plan.differs else f"posts to {plan.url}"


def _done(plan: WebhookPlan) -> str:
    if plan.webhook_id is None:
        return f"created: all kinds of events go to {plan.url}"
    changed = f"changed: {', '.join(plan.differs)}; it" if plan.differs else "as it should be:"
    return f"{changed} posts to {plan.url}"


def _identities(calls: ControlCalls, store: EmbeddedStore) -> Iterator[Row]:
    with store.snapshot() as connection:
        known, froms = domains(connection), senders(connection)
    names = [domain["name"] for domain in known]
    allowed = identities_of(calls, names)
    if not names:
        yield "domains", "none in the store", "Add one: POST /api/domains, or `xmit apply`."
    for name in names:
        if name in allowed.domains:
            yield name, "authenticated at SendGrid", ""
        else:
            yield name, "not authenticated at SendGrid", "Authenticate it: Settings, Sender Authentication."
    for sender in froms:
        if not allowed.may_send(sender["email"]):
            yield (
                sender["email"],
                "SendGrid will refuse it",
                "Authenticate its domain, or verify it as a single sender.",
            )
