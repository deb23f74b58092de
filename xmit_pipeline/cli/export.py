"""`xmit export`: what is in the store as a file for `xmit apply`."""

from pathlib import Path
from typing import Any

import yaml

from xmit_pipeline.cli.console import err, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.declared_export import exported

HEADER = "# Written by `xmit export`; `xmit apply` on this file brings a store to this state.\n"
WIDTH = 100


class _FileDumper(yaml.SafeDumper):
    """Long texts as blocks, so that a body reads as it was written."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_FileDumper.add_representer(str, _text)


def run_export(path: Path | None) -> None:
    """Write the file, or print it where none is named. BadInput where the file is there already."""
    with opened_store() as (store, _), store.snapshot() as connection:
        content = exported(connection)
    text = in_yaml(content)
    if path is None:
        write_plain(text)
        return
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadInput(
            f"{path} is there already, and may hold what somebody wrote; name another file."
        ) from error
    err.print(f"Written to {path}: {', '.join(f'{len(things)} {kind}' for kind, things in content.items())}.")


def in_yaml(content: dict[str, list[dict[str, Any]]]) -> str:
    """The content as the file's text."""
    return HEADER + yaml.dump(content, Dumper=_FileDumper, sort_keys=False, allow_unicode=True, width=WIDTH)
