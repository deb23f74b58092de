"""The sandbox as an ASGI app: SendGrid's calls, the control calls and the mail page over one account."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from xmit_pipeline.sandbox.account import Account
from xmit_pipeline.sandbox.event_webhooks import EventWebhooks
from xmit_pipeline.sandbox.events_desk import EventsDesk
from xmit_pipeline.sandbox.faults import Faults
from xmit_pipeline.sandbox.mailbox import Mailbox
from xmit_pipeline.sandbox.routes import (
    control,
    events,
    identity,
    logs,
    mail_send,
    pages,
    suppression,
    webhook_settings,
)
from xmit_pipeline.sandbox.routes.errors import answer_error
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.sandbox.validation.refusals import Refused


def create_app(
    mailbox: Mailbox,
    *,
    suppressions: SuppressionLists | None = None,
    faults: Faults | None = None,
    desk: EventsDesk | None = None,
    verified_domains: frozenset[str] | None = None,
) -> FastAPI:
    """An app over this mailbox; only `verified_domains` may send, or every domain where none are given.

    The faults `reset` and `hang` need the connections of `server.py` below it.
    """
    app = FastAPI(title="xmit sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    lists = suppressions or SuppressionLists()
    app.state.account = Account(
        mailbox,
        lists,
        faults or Faults(),
        desk or EventsDesk(mailbox, lists),
        None if verified_domains is None else frozenset(name.lower() for name in verified_domains),
    )
    app.state.event_webhooks = EventWebhooks(app.state.account.events)
    for module in (mail_send, logs, suppression, identity, webhook_settings, control, events, pages):
        app.include_router(module.router)
    for error in (Refused, RequestValidationError, HTTPException):
        app.add_exception_handler(error, answer_error)
    return app
