"""The dashboard as an ASGI app: every page's routes behind one door."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from xmit_pipeline.api.auth import KeyRing
from xmit_pipeline.api.bodies import BodyGuard
from xmit_pipeline.api.desk import Desk
from xmit_pipeline.api.figures import Figures
from xmit_pipeline.api.request_log import RequestLog
from xmit_pipeline.dashboard.door import Door, Office
from xmit_pipeline.dashboard.error_pages import Mended, answer_error, answer_nothing_to_ask
from xmit_pipeline.dashboard.forecasts import Forecasts
from xmit_pipeline.dashboard.outlook import outlook_of
from xmit_pipeline.dashboard.routes import (
    audit,
    contacts,
    domains,
    enrollments,
    entrance,
    forecast,
    imports,
    keys,
    lists,
    preview,
    senders,
    sequence,
    sequences,
    steps,
    suppressions,
    system,
    templates,
    trouble,
    webhooks,
)
from xmit_pipeline.dashboard.rule_check import RuleCheck
from xmit_pipeline.dashboard.templating import STATIC
from xmit_pipeline.dashboard.upload_stream import TakesFiles
from xmit_pipeline.dashboard.visit import NothingToAskError
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.settings import Settings

ROUTES = (
    entrance, sequences, preview, steps, sequence, enrollments, forecast, imports, contacts,
    lists, domains, senders, suppressions, trouble, system, keys, webhooks, templates, audit,
)  # fmt: skip
"""Fixed addresses before those with an id in the same place."""


class Files(StaticFiles):
    """Stylesheet, script and icon; their addresses change with their content, so that browsers may keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # pyright: ignore[reportArgumentType]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def create_pages(desk: Desk, settings: Settings, figures: Figures) -> FastAPI:
    """All pages over this desk, which is also the API's."""
    office = Office(desk, settings, KeyRing(desk))
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(RequestLog, figures=figures),
            Middleware(Mended, settings=settings),
            Middleware(TakesFiles, office=office),
            Middleware(BodyGuard, forms=True),
            Middleware(Door, office=office),
        ],
    )
    app.state.office = office
    app.state.settings = settings
    app.state.outlook = outlook_of(desk.store, settings, desk.clock)
    app.state.rules = RuleCheck(desk.store, desk.clock)
    app.state.forecasts = Forecasts(desk.store, desk.clock, desk.forecasting, settings.unknown_after)
    for module in ROUTES:
        app.include_router(module.router)
    app.mount("/static", Files(directory=STATIC))
    for error in (RequestValidationError, HTTPException, XmitError):
        app.add_exception_handler(error, answer_error)
    app.add_exception_handler(NothingToAskError, answer_nothing_to_ask)
    return app
