"""Where commands write: results to standard output, everything for the eye to standard error.

Nothing is read as markup or emoji: names and values are the users' own.
"""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

UNBOUNDED = 100_000
"""Columns of a pipe or file: there a table is as wide as its values, and nothing is cut."""


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else UNBOUNDED
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True, markup=False, emoji=False)


out = _console(stderr=False)
err = _console(stderr=True)


def write_plain(text: str) -> None:
    """To standard output as it stands, one line break at its end: what programs read."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def table_of(names: Sequence[str], *, figures: Sequence[str] = (), title: str | None = None) -> Table:
    """An empty table; `figures` stand to the right of `names` and are aligned there. Values are folded, never cut."""
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", overflow="fold")
    return table


def progress_bar() -> Progress:
    """A bar with counts and time, on standard error."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err
    )
