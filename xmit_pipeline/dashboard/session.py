"""Who is signed in: a signed cookie that names an API key by its hash, and the token that its forms carry.

Nothing is kept on the server: a revoked key is known by its hash, and ends the session with the next request.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from xmit_pipeline.dashboard.signing import is_marked, mark_of, opened, sealed
from xmit_pipeline.model.settings import Settings

COOKIE = "xmit_session"
LASTS = timedelta(days=7)
FORM_FIELD = "csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """`key_hash` as the store keeps it; `nonce` tells sessions apart; `ends_at` is Unix time."""

    key_hash: str
    nonce: str
    ends_at: int

    def token(self, settings: Settings) -> str:
        """What every form of this session carries."""
        return mark_of("form", self.nonce, settings.secret)

    def owns(self, token: str, settings: Settings) -> bool:
        """Whether a form came from a page of this session."""
        return is_marked("form", self.nonce, token, settings.secrets)


def new_session(key_hash: str, now: datetime) -> Session:
    """A session that begins now."""
    return Session(key_hash, secrets.token_urlsafe(16), int((now + LASTS).timestamp()))


def session_of(request: Request, settings: Settings, now: datetime) -> Session | None:
    """The session that a request's cookie names; None where there is none, or it is over."""
    found = opened("session", request.cookies.get(COOKIE, ""), settings.secrets)
    if found is None or found["ends_at"] <= now.timestamp():
        return None
    return Session(**found)


def keep_session(response: Response, session: Session, settings: Settings) -> None:
    """Give the browser its session."""
    content = {"key_hash": session.key_hash, "nonce": session.nonce, "ends_at": session.ends_at}
    keep_cookie(response, COOKIE, sealed("session", content, settings.secrets), settings, LASTS)


def keep_cookie(response: Response, name: str, value: str, settings: Settings, lasts: timedelta) -> None:
    """A cookie that no script reads, and that other sites' forms do not send."""
    response.set_cookie(
        name,
        value,
        max_age=int(lasts.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https:"),
    )
