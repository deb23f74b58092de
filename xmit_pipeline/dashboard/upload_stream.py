"""A contact file on its way in: streamed to disk while it arrives, with a size limit of its own; no store is held.

It stands before whoever reads whole bodies, so it looks at session and token itself: nobody else fills the disk.
What it hands on is a small form, and where the file lies.
"""

import asyncio
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlencode

from filelock import FileLock
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xmit_pipeline.dashboard.door import Office
from xmit_pipeline.dashboard.form import URLENCODED
from xmit_pipeline.dashboard.multipart import Multipart, Part
from xmit_pipeline.dashboard.session import FORM_FIELD, Session, session_of
from xmit_pipeline.dashboard.uploads import ImportRecord, Uploads
from xmit_pipeline.model.errors import BadInput, StoreRefused
from xmit_pipeline.store.keys import KeyScope, LiveKey

PATH = "/contacts/import"
MULTIPART = "multipart/form-data"
TAKEN = "xmit.taken"
"""Where a request's scope holds what was taken aside."""
PIECE_SECONDS = 30.0
WRITTEN_AT_ONCE = 1 << 20
LONGEST_FIELD = 4096


@dataclass(slots=True)
class Taken:
    """A file that was sent: the upload that keeps it, or in `fault` why none does."""

    id: str = ""
    name: str = ""
    size: int = 0
    fault: str | None = None


class TakesFiles:
    """For posts to PATH; everything else passes."""

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app = app
        self._office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if not request.headers.get("content-type", "").lower().startswith(MULTIPART):
            await self._app(scope, receive, send)
            return
        try:
            taken, fields = await self._taken(request)
        except ClientDisconnect:
            return
        scope = {**scope, TAKEN: taken, "headers": list(scope["headers"])}
        body = urlencode(fields).encode()
        headers = MutableHeaders(scope=scope)
        headers["content-type"], headers["content-length"] = URLENCODED, str(len(body))
        await self._app(scope, _again(body, receive), send)

    async def _taken(self, request: Request) -> tuple[Taken, dict[str, str]]:
        session, key = await self._who(request)
        if session is None or key is None:
            return Taken(), {}
        taking = Taking(self._office, session, key)
        try:
            await taking.all_of(request)
        except BadInput as error:
            await taking.give_up(str(error))
        except TimeoutError:
            await taking.give_up("The file stopped arriving; send it again.")
        except OSError as error:
            await taking.give_up(f"The file can't be kept: {error.strerror}. Make room where XMIT_HOME lies.")
        except BaseException:
            await taking.give_up("")
            raise
        return taking.taken, taking.fields

    async def _who(self, request: Request) -> tuple[Session | None, LiveKey | None]:
        """Who may send files: a live key of full scope. To anybody else the door says why not."""
        office = self._office
        session = session_of(request, office.settings, office.desk.clock.now())
        if session is None:
            return None, None
        if office.ring.stale:
            try:
                await run_in_threadpool(office.ring.read)
            except StoreRefused:
                return None, None
        key = office.ring.of_hash(session.key_hash)
        return session, key if key is not None and key.scope is KeyScope.FULL else None


class Taking:
    """One body under way. While a file arrives its lock is held, so that nobody sweeps it away."""

    def __init__(self, office: Office, session: Session, key: LiveKey) -> None:
        self.taken = Taken()
        self.fields: dict[str, str] = {}
        self._uploads = Uploads(office.settings.home)
        self._office = office
        self._session = session
        self._key = key
        self._field: str | None = None
        self._file: IO[bytes] | None = None
        self._lock: FileLock | None = None
        self._excess = ""
        self._waiting = bytearray()

    async def all_of(self, request: Request) -> None:
        """Read the whole body; what follows a fault is let go unread."""
        form = Multipart(request.headers["content-type"])
        pieces = aiter(request.stream())
        while True:
            async with asyncio.timeout(PIECE_SECONDS):
                data = await anext(pieces, None)
            if data is None:
                break
            for piece in form.feed(data):
                if isinstance(piece, Part):
                    await self._begin(piece)
                else:
                    await self._add(piece)
        if self._excess:
            raise BadInput(self._excess)
        if not form.done:
            raise BadInput("The file did not arrive whole; send it again.")
        await self._close()
        if self.taken.id:
            await run_in_threadpool(self._keep)

    async def give_up(self, fault: str) -> None:
        """Keep nothing of the file."""
        if self._file is not None:
            await run_in_threadpool(self._file.close)
            self._file = None
        if self.taken.id and self._lock:
            self._lock.release()
            await run_in_threadpool(self._uploads.forget, self.taken.id)
        self.taken = Taken(fault=fault)

    async def _begin(self, part: Part) -> None:
        await self._close()
        self._field = part.name if part.filename is None else None
        if self._field is not None:
            self.fields[self._field] = ""
        elif part.filename and part.name == "file" and not self.taken.id:
            if not self._session.owns(self.fields.get(FORM_FIELD, ""), self._office.settings):
                raise BadInput("This form belongs to another session; open the page again.")
            self.taken.name = part.filename.replace("\\", "/").rpartition("/")[2][:200]
            await run_in_threadpool(self._open)

    def _open(self) -> None:
        self._uploads.folder.mkdir(parents=True, exist_ok=True)
        self._uploads.sweep()
        self.taken.id, path = self._uploads.begin(self.taken.name)
        self._lock = self._uploads.hold(self.taken.id)
        self._file = path.open("wb")

    def _keep(self) -> None:
        taken, now = self.taken, self._office.desk.clock.now()
        self._uploads.keep(ImportRecord(taken.id, taken.name, taken.size, self._key.name, now))
        if self._lock:
            self._lock.release()

    async def _add(self, content: bytes) -> None:
        if self._field is not None:
            self.fields[self._field] += content.decode(errors="replace")
            if len(self.fields[self._field]) > LONGEST_FIELD:
                raise BadInput("This form can't be read; send it again from its page.")
        elif self._file is not None:
            self.taken.size += len(content)
            if self._is_too_large():
                return
            self._waiting += content
            if len(self._waiting) >= WRITTEN_AT_ONCE:
                await self._write()

    def _is_too_large(self) -> bool:
        """What is over the limit is let go, and so much more read: a browser hears nothing while it still sends."""
        limit = self._office.settings.upload_limit_mb
        if self.taken.size <= limit << 20:
            return False
        self._excess = (
            f"The file is over {limit:,} MB; split it, use `xmit import`, or raise XMIT_UPLOAD_LIMIT_MB."
        )
        if self.taken.size > limit << 21:
            raise BadInput(self._excess)
        return True

    async def _write(self) -> None:
        if self._file is not None and self._waiting:
            content, self._waiting = bytes(self._waiting), bytearray()
            await run_in_threadpool(self._file.write, content)

    async def _close(self) -> None:
        if self._file is not None:
            await self._write()
            await run_in_threadpool(self._file.close)
            self._file = None


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
