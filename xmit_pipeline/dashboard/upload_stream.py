"""A contact file on its way in: streamed to disk while it arrives, with a size limit of its own; no store is held.

It stands before whoever reads whole bodies, so it looks at session and token itself: nobody else fills the disk.
What it hands on is a small form, and where the file lies.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xmit_pipeline.dashboard.door import Office
from xmit_pipeline.dashboard.form import MULTIPART, URLENCODED
from xmit_pipeline.dashboard.multipart import Multipart, Part
from xmit_pipeline.dashboard.session import FORM_FIELD, Session, session_of
from xmit_pipeline.dashboard.uploads import Uploads
from xmit_pipeline.model.errors import BadInput, StoreRefused
from xmit_pipeline.store.keys import KeyScope

PATH = "/contacts/import"
TAKEN = "xmit.taken"
"""Where a request's scope holds what was taken aside."""
PIECE_SECONDS = 30.0
WRITTEN_AT_ONCE = 1 << 20
LONGEST_FIELD = 4096


@dataclass(slots=True)
class Taken:
    """A file that was sent: where it lies, or in `fault` why it does not."""

    id: str = ""
    path: Path | None = None
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
        session = await self._session(request)
        if session is None:
            return Taken(), {}
        largest = self._office.settings.upload_limit_mb << 20
        taking = Taking(Uploads(self._office.settings.home), session, self._office, largest)
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

    async def _session(self, request: Request) -> Session | None:
        """Who may send files: a live key of full scope."""
        office = self._office
        session = session_of(request, office.settings, office.desk.clock.now())
        if session is None:
            return None
        if office.ring.stale:
            try:
                await run_in_threadpool(office.ring.read)
            except StoreRefused:
                return None  # the door says why
        key = office.ring.of_hash(session.key_hash)
        return session if key is not None and key.scope is KeyScope.FULL else None


class Taking:
    """One body under way."""

    def __init__(self, uploads: Uploads, session: Session, office: Office, largest: int) -> None:
        self.taken = Taken()
        self.fields: dict[str, str] = {}
        self._uploads = uploads
        self._session = session
        self._settings = office.settings
        self._largest = largest
        self._field: str | None = None
        self._file: IO[bytes] | None = None
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
        if not form.done:
            raise BadInput("The file did not arrive whole; send it again.")
        await self._close()

    async def give_up(self, fault: str) -> None:
        """Keep nothing of the file."""
        if self._file is not None:
            await run_in_threadpool(self._file.close)
            self._file = None
        if self.taken.id:
            await run_in_threadpool(self._uploads.forget, self.taken.id)
        self.taken = Taken(fault=fault)

    async def _begin(self, part: Part) -> None:
        await self._close()
        self._field = part.name if part.filename is None else None
        if self._field is not None:
            self.fields[self._field] = ""
        elif part.filename and part.name == "file" and not self.taken.id:
            if not self._session.owns(self.fields.get(FORM_FIELD, ""), self._settings):
                raise BadInput("This form belongs to another session; open the page again.")
            self.taken.name = part.filename.replace("\\", "/").rpartition("/")[2][:200]
            await run_in_threadpool(self._open)

    def _open(self) -> None:
        self._uploads.folder.mkdir(parents=True, exist_ok=True)
        self._uploads.sweep()
        self.taken.id, path = self._uploads.begin(self.taken.name)
        self.taken.path, self._file = path, path.open("wb")

    async def _add(self, content: bytes) -> None:
        if self._field is not None:
            self.fields[self._field] += content.decode(errors="replace")
            if len(self.fields[self._field]) > LONGEST_FIELD:
                raise BadInput("This form can't be read; send it again from its page.")
        elif self._file is not None:
            self.taken.size += len(content)
            if self.taken.size > self._largest:
                raise BadInput(
                    f"The file is over {self._settings.upload_limit_mb:,} MB; split it, use `xmit import`, or raise "
                    "XMIT_UPLOAD_LIMIT_MB."
                )
            self._waiting += content
            if len(self._waiting) >= WRITTEN_AT_ONCE:
                await self._write()

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
