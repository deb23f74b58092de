"""The pages that need no key: what this is, and that it answers."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index() -> dict[str, str]:
    """What this is, and where to go on."""
    return {
        "name": "xmit",
        "what": "Drip sequences over SendGrid: the REST API.",
        "api": "/api",
        "reference": "/openapi.json",
        "health": "/healthz",
        "key": "`xmit keys create NAME` makes one; send it as `Authorization: Bearer pm_live_...`.",
    }


@router.get("/healthz")
async def health() -> dict[str, str]:
    """That the API answers; it asks nothing of the store."""
    return {"status": "ok"}
