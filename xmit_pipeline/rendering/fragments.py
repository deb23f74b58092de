"""Fragments as columns: printed names in polars, others once for each distinct combination of values."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import polars as pl

from xmit_pipeline.rendering.crowd import Crowd, key_column, text_column
from xmit_pipeline.rendering.environment import TemplateContext, new_buffer
from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.parts import fragment_column
from xmit_pipeline.rendering.plain import render_node
from xmit_pipeline.rendering.printed import Printed
from xmit_pipeline.rendering.skeleton import Fragment, Place

_SPECIAL = ["&", "<", ">", "'", '"']
_ESCAPED = ["&amp;", "&lt;", "&gt;", "&#39;", "&#34;"]


class Broken(NamedTuple):
    """A fault's sentence; the error itself would keep its frames, for each of thousands."""

    words: str


Outcome = str | Broken
"""A fragment's text for one combination of values, or what went wrong."""


class Press:
    """Renders single nodes; contexts and buffer are used again, since no fragment leaves anything in them."""

    def __init__(self, now: datetime) -> None:
        self._names: dict[str, object] = {}
        self._contexts = {place: TemplateContext(place.env, self._names, now) for place in Place}
        self._buffer = new_buffer()

    def outcome(self, fragment: Fragment, names: Mapping[str, object]) -> Outcome:
        """One fragment for one set of names; names that are missing are not in it."""
        self._names.clear()
        self._names.update(names)
        buffer = self._buffer
        buffer.seek(0)
        buffer.truncate()
        buffer.size = 0
        try:
            render_node(fragment.node, self._contexts[fragment.place], buffer, fragment.place)
        except RenderFault as fault:
            return Broken(str(fault))
        return buffer.getvalue()


def words_column(number: int) -> str:
    """The column with the faults of a fragment."""
    return f"words{number}"


def printed_column(printed: Printed, place: Place, number: int) -> pl.Expr:
    """`f<number>` of a printed name, escaped as MarkupSafe does it where it stands in HTML."""
    text = pl.col(text_column(printed))
    if printed.fallback is not None:
        text = pl.when(text != "").then(text)
    if place is Place.HTML:
        text = text.str.replace_many(_SPECIAL, _ESCAPED)
    return text.fill_null(printed.fallback or "").alias(fragment_column(number))


def with_rendered(
    frame: pl.DataFrame, numbers: Mapping[Fragment, int], crowd: Crowd, press: Press
) -> pl.DataFrame:
    """The frame with `f<number>` and `words<number>` of fragments that are more than a name."""
    groups: defaultdict[tuple[str, ...], list[Fragment]] = defaultdict(list)
    for fragment in numbers:
        groups[fragment.roots].append(fragment)
    for roots, fragments in groups.items():
        keys = [key_column(name) for name in roots]
        distinct = frame.select(keys).unique(maintain_order=True)
        known = [_names(crowd, roots, row) for row in distinct.iter_rows()]
        outcomes = _outcomes(fragments, known, press)
        columns = [
            column
            for fragment, found in outcomes.items()
            for column in _outcome_columns(numbers[fragment], found)
        ]
        frame = frame.join(
            distinct.with_columns(columns), on=keys, how="left", nulls_equal=True, maintain_order="left"
        )
    return frame


def _names(crowd: Crowd, roots: tuple[str, ...], keys: tuple[str | None, ...]) -> dict[str, object]:
    return {name: crowd.value(name, key) for name, key in zip(roots, keys, strict=True) if key is not None}


def _outcomes(
    fragments: list[Fragment], known: list[dict[str, object]], press: Press
) -> dict[Fragment, list[Outcome]]:
    """Each fragment for each set of names; what subject and text share is rendered once."""
    found: dict[Fragment, list[Outcome]] = {}
    shared: dict[tuple[bool, str], list[Outcome]] = {}
    for fragment in fragments:
        # A fault in both is told of the subject, as plain Liquid comes to it first.
        key = (fragment.place is Place.HTML, fragment.source)
        if key not in shared:
            shared[key] = [press.outcome(fragment, names) for names in known]
        found[fragment] = shared[key]
    return found


def _outcome_columns(number: int, outcomes: list[Outcome]) -> tuple[pl.Series, pl.Series]:
    texts = [outcome if isinstance(outcome, str) else None for outcome in outcomes]
    words = [None if isinstance(outcome, str) else outcome.words for outcome in outcomes]
    return (
        pl.Series(fragment_column(number), texts, pl.String),
        pl.Series(words_column(number), words, pl.String),
    )
