"""The whole of what one port serves: the API below its addresses, and the pages everywhere else."""

from starlette.types import ASGIApp, Receive, Scope, Send

from xmit_pipeline.api.app import create_app
from xmit_pipeline.dashboard.headers import Sheltered
from xmit_pipeline.dashboard.pages import create_pages
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import EmbeddedStore

OF_THE_API = (
    "/api", "/v1", "/u", "/webhooks", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics",
)  # fmt: skip


class Site:
    """Hands each call to the API or to the pages, by its address."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        to_api = scope["type"] != "http" or any(
            path == part or path.startswith(f"{part}/") for part in OF_THE_API
        )
        await (self._api if to_api else self._pages)(scope, receive, send)


def create_site(store: EmbeddedStore, settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """API and dashboard over this store; they share one desk, so that their changes share transactions."""
    api = create_app(store, settings, clock=clock)
    return Site(api, Sheltered(create_pages(api.state.desk, settings, api.state.figures)))
