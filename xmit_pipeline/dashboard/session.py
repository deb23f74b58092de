"""Who is signed in: a signed cookie that names an API key by its hash, and the token that its forms carry.

A revoked key is known by its hash, and ends the session with the next request. Of sessions the server keeps those alone
that were ended by signing out, until they would have ended by themselves.
"""

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from starlette.requests import Request
from starlette.responses import Response

from xmit_pipeline.dashboard.signing import is_marked, mark_of, opened, sealed
from xmit_pipeline.model.settings import Settings

COOKIE = "xmit_session"
LASTS = timedelta(days=7)
FORM_FIELD = "csrf"
ENDED = "ended-sessions.json"

_ending = threading.Lock()


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
    return None if found["nonce"] in _ended(settings) else Session(**found)


def end_session(session: Session, settings: Settings, now: datetime) -> None:
    """Let its cookie open nothing more, whoever has a copy of it."""
    with _ending:
        ended = {nonce: ends for nonce, ends in _ended(settings).items() if ends > now.timestamp()}
        ended[session.nonce] = session.ends_at
        path = settings.home / ENDED
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(ended))
        fresh.replace(path)


def _ended(settings: Settings) -> dict[str, int]:
    """When each session that was signed out would have ended, by its nonce."""
    try:
        return orjson.loads((settings.home / ENDED).read_bytes())
    except FileNotFoundError:
        return {}


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
