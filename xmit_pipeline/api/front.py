"""The page that needs no key: what this is, and where to go on."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index() -> dict[str, str]:
    """What this is, and where to go on."""
    return {
        "name": "xmit",
        "what": "Drip sequences over SendGrid: the REST API.",
        "api": "/api",
        "reference": "/docs",
        "openapi": "/openapi.json",
        "health": "/healthz",
        "ready": "/readyz",
        "metrics": "/metrics",
        "key": "`xmit keys create NAME` makes one; send it as `Authorization: Bearer pm_live_...`.",
    }
