"""Who may call: a live API key in `Authorization: Bearer pm_live_...`, and for changes one of full scope (SPEC 8)."""

import threading
import time
from hmac import compare_digest

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from xmit_pipeline.api.desk import CALLER, Desk
from xmit_pipeline.api.errors import refusal
from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.store.key_stamp import key_stamp
from xmit_pipeline.store.keys import KeyScope, LiveKey, hash_of, live_keys, touch_key

KEPT_SECONDS = 5.0
"""How old the known keys may be where nothing says that they were changed (`store.key_stamp`)."""
SEEN_SECONDS = 0.5
"""How old they may be when an unknown key comes: it may just have been made."""
TOUCH_SECONDS = 60.0
"""How often at most a key's last use is written down."""

GUARDED = "/api"
METRICS = "/metrics"
"""It takes a key too: how much mail goes out is nobody else's business, and behind a proxy all is loopback."""
READING = ("GET", "HEAD", "OPTIONS")
UNAUTHORIZED = "Send a live API key: `Authorization: Bearer pm_live_...`; `xmit keys create NAME` makes one."
READ_ONLY = "This key may only look (scope read); `xmit keys create NAME` makes one that may change things."


class KeyRing:
    """All live keys, read anew when they are too old."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reading = threading.Lock()
        self._keys: list[LiveKey] = []
        self._read_at = float("-inf")
        self._stamp = 0
        self._touched: dict[str, float] = {}

    @property
    def stale(self) -> bool:
        return self.older_than(KEPT_SECONDS) or key_stamp(self._desk.store.path) != self._stamp

    def older_than(self, seconds: float) -> bool:
        """Whether the keys were read longer ago than this."""
        return time.monotonic() - self._read_at > seconds

    def read(self, *, anew: bool = False) -> None:
        """Read the live keys; blocks. Many callers at once read once, unless they want them `anew`."""
        with self._reading:
            if anew or self.stale:
                began, stamp = time.monotonic(), key_stamp(self._desk.store.path)
                with self._desk.reading() as (connection, _):
                    self._keys = live_keys(connection)
                self._read_at, self._stamp = began, stamp

    def matching(self, key: str) -> LiveKey | None:
        """What is known of this key; takes as long for any key, also a missing one."""
        given = hash_of(key)
        found = None
        for known in self._keys:
            if compare_digest(known.hash, given):
                found = known
        return found

    def of_hash(self, key_hash: str) -> LiveKey | None:
        """The live key with this hash, for who keeps no key's text: a session of the dashboard."""
        return next((known for known in self._keys if known.hash == key_hash), None)

    def wants_touch(self, known: LiveKey) -> bool:
        """Whether the last use of a key is to be written down again; asking promises to do it."""
        now = time.monotonic()
        if now - self._touched.get(known.hash, float("-inf")) < TOUCH_SECONDS:
            return False
        self._touched[known.hash] = now
        return True

    def touch(self, known: LiveKey) -> None:
        """Write a key's use down; blocks."""
        with self._desk.changing() as (connection, now):
            touch_key(connection, known.hash, now)


class Gate:
    """Lets calls below /api through with a live key; no key, a wrong one and a revoked one answer alike."""

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        self._app = app
        self._ring = ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._refused(scope) if _guarded(scope) else None
        await (answer or self._app)(scope, receive, send)

    async def _refused(self, scope: Scope) -> Response | None:
        ring = self._ring
        try:
            if ring.stale:
                await run_in_threadpool(ring.read)
            known = ring.matching(_given_key(scope))
            if known is None and ring.older_than(SEEN_SECONDS):
                await run_in_threadpool(ring.read, anew=True)
                known = ring.matching(_given_key(scope))
            if known is not None and ring.wants_touch(known):
                await run_in_threadpool(ring.touch, known)
        except StoreRefused as error:
            return refusal(503, str(error))
        if known is None:
            return refusal(401, UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        scope[CALLER] = known
        changes = scope["method"] not in READING
        return refusal(403, READ_ONLY) if changes and known.scope is KeyScope.READ else None


def _guarded(scope: Scope) -> bool:
    path = scope.get("path", "")
    return scope["type"] == "http" and (path in (GUARDED, METRICS) or path.startswith(f"{GUARDED}/"))


def _given_key(scope: Scope) -> str:
    scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
