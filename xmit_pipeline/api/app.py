"""The REST API as an ASGI app: every resource below /api, and below /v1 the same (SPEC 8)."""

from functools import partial
from importlib.metadata import version

from fastapi import FastAPI, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from xmit_pipeline.api import (
    audit,
    contacts,
    domains,
    enrollments,
    explain,
    forecast,
    front,
    health,
    lists,
    messages,
    metrics_page,
    reference_page,
    saved_templates,
    senders,
    sequences,
    steps,
    suppressions,
    trials,
    unsubscribe,
    warmup,
    webhook_sendgrid,
    webhooks_out,
)
from xmit_pipeline.api.auth import GUARDED, Gate, KeyRing
from xmit_pipeline.api.bodies import BodyGuard
from xmit_pipeline.api.desk import opened_desk
from xmit_pipeline.api.errors import ErrorAnswer, answer_error
from xmit_pipeline.api.figures import Figures
from xmit_pipeline.api.limits import RateLimit
from xmit_pipeline.api.reference import write_reference
from xmit_pipeline.api.request_log import RequestLog
from xmit_pipeline.model.clock import Clock, WallClock
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import EmbeddedStore

ALIAS = "/v1"

DESCRIPTION = """
Drip sequences: who gets which e-mail when.

Every call below `/api` takes a key (`Authorization: Bearer pm_live_...`, from `xmit keys create NAME`), and JSON
in camelCase; `/v1` is another name for `/api`. Lists take `limit` (50, at most 1000) and `offset`. Times are
ISO 8601 in UTC. What can't be done is answered with `error`, the same sentence as `message`, and `details`, which
name each field.
"""

_key = HTTPBearer(auto_error=False, description="A live API key; `Gate` checks it before the call is read.")


class Alias:
    """Reads /v1 as /api."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{ALIAS}/"):
            scope = {**scope, "path": GUARDED + scope["path"].removeprefix(ALIAS)}
        await self._app(scope, receive, send)


def create_app(store: EmbeddedStore, settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The API over this store; times are the clock's, the wall clock's where none is given."""
    desk, figures = opened_desk(store, clock or WallClock(), settings.home), Figures()
    app = FastAPI(
        title="xmit",
        description=DESCRIPTION,
        version=version("xmit"),
        servers=[{"url": settings.public_url}],
        docs_url=None,  # its page would fetch scripts from a foreign host
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        middleware=[
            Middleware(Alias),
            Middleware(RequestLog, figures=figures),
            Middleware(Gate, ring=KeyRing(desk)),
            Middleware(RateLimit, per_second=settings.rate_per_second, burst=settings.rate_burst),
            Middleware(BodyGuard),
        ],
        responses={
            "4XX": {"model": ErrorAnswer, "description": "What was asked can't be done."},
            503: {"model": ErrorAnswer, "description": "The store can't be used now."},
        },
    )
    app.state.desk = desk
    app.state.settings = settings
    app.state.figures = figures
    app.state.pulse = health.pulse_of(store, settings, desk.clock)
    app.state.vitals = metrics_page.vitals_of(store, desk.clock)
    app.state.webhooks_private = settings.webhooks_private
    for module in (
        sequences, steps, enrollments, explain, forecast, trials, contacts, lists, senders, domains, warmup,
        saved_templates, suppressions, messages, webhooks_out, audit,
    ):  # fmt: skip
        app.include_router(module.router, dependencies=[Security(_key)])
    app.state.unsubscribing = unsubscribe.Unsubscribing(desk, settings)
    app.include_router(unsubscribe.router)
    app.state.receiving = webhook_sendgrid.opened_receiving(settings, clock or WallClock())
    app.include_router(webhook_sendgrid.router)
    app.include_router(front.router)
    app.include_router(health.router)
    app.include_router(metrics_page.router)
    app.include_router(reference_page.router)
    app.openapi = partial(write_reference, app)
    for error in (RequestValidationError, HTTPException, XmitError, Exception):
        app.add_exception_handler(error, answer_error)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
