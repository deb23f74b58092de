"""One line of JSON a figure, with the limit it is held to."""

import resource
import time
from collections.abc import Callable
from typing import TypeVar

import orjson

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What the work answers, and its seconds by the wall clock."""
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def report(figure: str, value: float, unit: str, *, limit: float, better: str) -> None:
    """Print a figure beside its limit; `better` is `lower` or `higher`."""
    met = value <= limit if better == "lower" else value >= limit
    row = {
        "figure": figure,
        "value": round(value, 3),
        "unit": unit,
        "limit": limit,
        "better": better,
        "met": met,
    }
    print(orjson.dumps(row).decode(), flush=True)


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
