"""`python -m benchmarks [NAME ...]`: every figure of docs/performance.md, or those of the modules named."""

import sys

from benchmarks import (
    api,
    backfill,
    checks,
    delivery,
    folding,
    forecast,
    frontier,
    history,
    importing,
    list_adds,
    minutes,
    pages,
    rendering,
)

MODULES = {
    "frontier": frontier,
    "rendering": rendering,
    "delivery": delivery,
    "checks": checks,
    "importing": importing,
    "folding": folding,
    "lists": list_adds,
    "api": api,
    "pages": pages,
    "history": history,
    "minutes": minutes,
    "forecast": forecast,
    "backfill": backfill,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    for name in names or MODULES:
        MODULES[name].run()


main(sys.argv[1:])
