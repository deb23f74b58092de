"""The API's own first page: what this is, and where to go on; the dashboard has `/`."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)


@router.get("/api")
async def index() -> dict[str, str]:
    """What this is, and where to go on."""
    return {
        "name": "xmit",
        "what": "Drip sequences over SendGrid: the REST API.",
        "dashboard": "/",
        "reference": "/docs",
        "openapi": "/openapi.json",
        "health": "/healthz",
        "ready": "/readyz",
        "metrics": "/metrics",
        "key": "`xmit keys create NAME` makes one; send it as `Authorization: Bearer pm_live_...`.",
    }
