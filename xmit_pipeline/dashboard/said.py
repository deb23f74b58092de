"""What a page says after a change: a sentence in a signed cookie, shown once on the page that follows."""

from datetime import timedelta
from typing import Literal, TypedDict

from starlette.requests import Request
from starlette.responses import Response

from xmit_pipeline.dashboard.session import keep_cookie
from xmit_pipeline.dashboard.signing import opened, sealed
from xmit_pipeline.model.settings import Settings

COOKIE = "xmit_said"
LASTS = timedelta(minutes=2)
LONGEST = 1200
"""A cookie holds 4 KB."""

Tone = Literal["good", "bad", "note"]


class Said(TypedDict):
    """One sentence, or a few."""

    text: str
    tone: Tone


def say(response: Response, text: str, tone: Tone, settings: Settings) -> None:
    """Have the next page say it."""
    said = {"text": text[:LONGEST], "tone": tone}
    keep_cookie(response, COOKIE, sealed("said", said, settings.secrets), settings, LASTS)


def said_before(request: Request, settings: Settings) -> Said | None:
    """What the page before left to say."""
    found = opened("said", request.cookies.get(COOKIE, ""), settings.secrets)
    return Said(text=found["text"], tone=found["tone"]) if found else None
