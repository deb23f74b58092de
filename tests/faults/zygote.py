"""A process that has everything imported and forks one child a tick, so that a death costs no imports.

It never opens a store. It reads orders, a JSON list of `TickOrder` a line, runs those of one list at the same time,
and answers with a JSON list of `TickEnd`. Run as `python -m tests.faults.zygote`.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from typing import Any

import orjson

from tests.faults.orders import TickEnd, TickOrder, order_of
from tests.faults.traps import MovingClock, laid
from xmit_pipeline.delivery import transport
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.connection import EmbeddedStore


def main() -> None:
    """Serve orders until the input ends."""
    if "dagster" in sys.argv:
        import xmit_pipeline.cli.app
        import xmit_pipeline.definitions  # noqa: F401  (imported once, for all children)
    for line in sys.stdin.buffer:
        ends = _together([order_of(given) for given in orjson.loads(line)])
        sys.stdout.buffer.write(orjson.dumps([asdict(end) for end in ends]) + b"\n")
        sys.stdout.buffer.flush()


def _together(orders: list[TickOrder]) -> list[TickEnd]:
    started = time.monotonic()
    children = [_forked(order) for order in orders]
    for order, (pid, _) in zip(orders, children, strict=True):
        if order.trap and order.trap.kind == "seconds":
            time.sleep(max(0.0, order.trap.seconds - (time.monotonic() - started)))
            os.kill(pid, signal.SIGKILL)
    return [_reaped(pid, pipe, started) for pid, pipe in children]


def _forked(order: TickOrder) -> tuple[int, int]:
    """A child at work, and the pipe on which it tells its end: a pipe is no file, so a full disk leaves it be."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        told = _tick(order)
    except BaseException as error:
        told = {"error": f"{type(error).__name__}: {error}"[:500]}
    os.write(writing, orjson.dumps(told))
    os._exit(0)


def _reaped(pid: int, pipe: int, started: float) -> TickEnd:
    with os.fdopen(pipe, "rb") as stream:
        told = stream.read()
    _, status = os.waitpid(pid, 0)
    end = TickEnd(os.WIFSIGNALED(status), time.monotonic() - started)
    return replace(end, **orjson.loads(told)) if told else end


def _tick(order: TickOrder) -> dict[str, Any]:
    os.environ |= {
        "XMIT_HOME": order.home, "SENDGRID_HOST": order.host, "XMIT_UNKNOWN_POLICY": order.policy,
    }  # fmt: skip
    transport.READ_SECONDS = order.read_seconds
    counter = laid(order)
    told = _through_dagster(order) if order.through == "xmit tick" else _bare(order)
    counter.stop()
    return {**told, "lines": counter.lines}


def _bare(order: TickOrder) -> dict[str, Any]:
    settings, clock = read_settings(), MovingClock(order.moment, order.stride)
    store = EmbeddedStore(settings.database)
    mailer = transport.Mailer(
        transport.SendGrid(key="SG.test", host=settings.sendgrid_host, connections=8), _Stamp(clock)
    )
    try:
        result = run_tick(store, settings, clock, mailer, order.tick_id)
    finally:
        store.close()
    return {"counts": result.counts, "note": result.report.note or "", "recovered": result.report.recovered}


class _Stamp(Mapping[str, str]):
    """The header by which the sandbox dates what it accepts: the time at which the posting thread looked last."""

    def __init__(self, clock: MovingClock) -> None:
        self._clock = clock

    def __getitem__(self, name: str) -> str:
        return self._clock.seen().isoformat()

    def __iter__(self) -> Iterator[str]:
        return iter(("X-Sandbox-Now",))

    def __len__(self) -> int:
        return 1


def _through_dagster(order: TickOrder) -> dict[str, Any]:
    from xmit_pipeline.cli.tick import run_one_tick

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
        run_one_tick(order.moment.isoformat(), as_json=True)
    return {}


if __name__ == "__main__":
    main()
