"""`xmit apply`: domains, senders, lists and sequences from a file; the difference first (docs/sequences-as-code.md)."""

import sys
from collections import Counter
from pathlib import Path

import typer

from xmit_pipeline.cli.console import out
from xmit_pipeline.cli.declared_file import read_declaration
from xmit_pipeline.cli.differences_shown import lines_of
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.declared import Differences, Mark
from xmit_pipeline.store.declared_apply import apply, differences

STYLES = {Mark.CREATE: "green", Mark.CHANGE: "yellow", Mark.REMOVE: "red"}
DONE = {Mark.CREATE: "created", Mark.CHANGE: "changed", Mark.REMOVE: "removed"}


def run_apply(path: Path, *, yes: bool, dry_run: bool) -> None:
    """Show what the file changes, ask, and change it, all or nothing. BadInput names every fault with its line."""
    declaration, source = read_declaration(path)
    now = WallClock().now()
    with opened_store() as (store, _):
        found = differences(store, declaration, now)
        if found.faults:
            raise source.refusal(found.faults)
        if not found.changes:
            out.print("Nothing to change: the store is as the file says.")
            return
        _show(found)
        if dry_run:
            out.print("A dry run: nothing was changed.")
            return
        if not yes:
            _ask()
        apply(store, declaration, WallClock().now(), found)
    out.print(f"Applied: {_counted(found)}.")


def _show(found: Differences) -> None:
    for change in found.changes:
        for mark, line in lines_of(change):
            out.print(line, style=STYLES.get(mark) if mark else None)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise BadInput("Nothing was changed: nobody is here to ask. Look at the difference, then add --yes.")
    if not typer.confirm("Apply these changes?"):
        out.print("Nothing was changed.")
        raise typer.Exit(1)


def _counted(found: Differences) -> str:
    marks = Counter(part.mark for change in found.changes for part in (change, *change.parts))
    return ", ".join(f"{marks[mark]} {word}" for mark, word in DONE.items() if marks[mark])
