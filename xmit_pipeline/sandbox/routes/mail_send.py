"""`POST /v3/mail/send`: the call itself, and the faults that were ordered for it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from xmit_pipeline.sandbox.acceptance import MAX_BYTES, Post, accept
from xmit_pipeline.sandbox.account import Account, TheAccount, require_key
from xmit_pipeline.sandbox.faults import DelayFault, HangFault, PassingFault, ResetFault, StatusFault
from xmit_pipeline.sandbox.validation.refusals import Refusal, Refused

router = APIRouter()

# SendGrid's front server answers these itself, with a page in place of JSON
_PAGES = frozenset({413, 502, 504})


@router.post("/v3/mail/send")
async def send_mail(request: Request, account: TheAccount) -> Response:
    """202 with X-Message-Id, 200 in sandbox_mode, or SendGrid's refusal.

    `X-Sandbox-Now`, Unix seconds or ISO 8601, sets the time that the mail bears; without it, the clock's.
    """
    raw = await _read_body(request)
    try:
        require_key(request)
        post = _post(request, raw or b"")
    except Refused:
        account.mailbox.count_refusal()
        raise
    fault = account.faults.take()
    if fault is not None:
        return await _answer_with(fault, request, account, post)
    if raw is None:
        account.mailbox.count_refusal()
        return _page(413)
    return await _answer(account, post)


async def _read_body(request: Request) -> bytes | None:
    """The whole body; None where it is too large, read to its end so that the answer gets through."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            chunks.clear()
        else:
            chunks.append(chunk)
    return None if size > MAX_BYTES else b"".join(chunks)


def _post(request: Request, raw: bytes) -> Post:
    return Post(
        raw=raw,
        content_type=request.headers.get("content-type", ""),
        content_encoding=request.headers.get("content-encoding", ""),
        accepted_at=_time_of(request.headers.get("x-sandbox-now")),
    )


def _time_of(given: str | None) -> datetime:
    if given is None:
        return datetime.now(UTC)
    try:
        if given.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(given), UTC)
        at = datetime.fromisoformat(given)
    except (ValueError, OverflowError) as error:
        raise Refused(400, [Refusal("X-Sandbox-Now has to be Unix seconds or ISO 8601.")]) from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


async def _answer(account: Account, post: Post) -> Response:
    message_id = await run_in_threadpool(accept, account, post)
    if message_id is None:
        return Response(status_code=200)
    return Response(status_code=202, headers={"X-Message-Id": message_id})


async def _answer_with(fault: PassingFault, request: Request, account: Account, post: Post) -> Response:
    match fault:
        case DelayFault():
            await asyncio.sleep(fault.seconds)
            return await _answer(account, post)
        case StatusFault():
            await _keep(account, post, keep=fault.accept)
            return _status(fault)
        case ResetFault():
            await _keep(account, post, keep=fault.when == "after")
            return await _hang_up(request)
        case HangFault():
            await _keep(account, post, keep=fault.accept)
            return await _hang_up(request, after=fault.seconds)


async def _keep(account: Account, post: Post, *, keep: bool) -> None:
    if keep:
        await run_in_threadpool(accept, account, post)
    else:
        account.mailbox.count_refusal()


async def _hang_up(request: Request, *, after: float = 0) -> Response:
    """End the connection without a word; the client may leave before."""
    try:
        await asyncio.wait_for(_gone(request), after)
    except TimeoutError:
        request.state.hang_up()
        await _gone(request)
    # nobody is left to read it
    return Response()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _status(fault: StatusFault) -> Response:
    if fault.body is None:
        return _own_words(fault.status, fault.headers)
    if isinstance(fault.body, str):
        media = "text/html" if fault.body.lstrip().startswith("<") else "text/plain"
        return Response(fault.body, fault.status, fault.headers, media)
    return Response(orjson.dumps(fault.body), fault.status, fault.headers, "application/json")


def _own_words(status: int, headers: Mapping[str, str]) -> Response:
    if status < HTTPStatus.BAD_REQUEST:
        return Response(status_code=status, headers=headers)
    if status in _PAGES:
        return _page(status, headers)
    words = Refused(status, [Refusal(_phrase(status))])
    return Response(orjson.dumps(words.body()), status, headers, "application/json")


def _page(status: int, headers: Mapping[str, str] | None = None) -> Response:
    title = f"{status} {_phrase(status)}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Response(page, status, headers, "text/html")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
