"""Small tables as Markdown, for the metadata that people read in the UI."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg


def markdown_table(rows: Sequence[Mapping[str, object]], empty: str) -> dg.MetadataValue:
    """The rows under their keys; the sentence `empty` where there are none."""
    if not rows:
        return dg.MetadataValue.md(empty)
    names = list(rows[0])
    lines = [_line(names), _line("---" for _ in names)]
    lines += [_line(_cell(row[name]) for name in names) for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
