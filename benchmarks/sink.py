"""A server that takes any Mail Send body, counts bytes and requests, and answers 202: no parsing at all.

It runs in a process of its own, so that what is measured is the engine and not the sink.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n"


async def _serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionResetError):
        writer.close()


async def _serve(ports: "multiprocessing.Queue[int]") -> None:
    server = await asyncio.start_server(_serve_connection, "127.0.0.1", 0, limit=2**25)
    ports.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run(ports: "multiprocessing.Queue[int]") -> None:
    asyncio.run(_serve(ports))


@contextmanager
def running_sink() -> Iterator[str]:
    """The sink's address."""
    context = multiprocessing.get_context("spawn")
    ports: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_run, args=(ports,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=30)}"
    finally:
        process.kill()
        process.join()
