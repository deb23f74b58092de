"""A step's fragments worked out for a batch: a row for each person, and what keeps them from the skeleton."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.rendering.bounds import OUTPUT_LIMIT
from xmit_pipeline.rendering.crowd import READABLE, Crowd, read_crowd
from xmit_pipeline.rendering.fragments import Outcome, Press, printed_column, with_rendered, words_column
from xmit_pipeline.rendering.names import NO_METADATA
from xmit_pipeline.rendering.parts import (
    Parts,
    breaks_differently,
    fragment_column,
    is_blank,
    on_one_line,
    one_line_column,
    resolved,
    size_of,
)
from xmit_pipeline.rendering.plain import blank_words
from xmit_pipeline.rendering.skeleton import CompiledStep, Fragment, Place

SUBSTITUTION_LIMIT = 9_000
"""Bytes of substitutions for one person, below the 10,000 that SendGrid takes (DESIGN 4)."""

_TAG_BYTES = 40


@dataclass(frozen=True, slots=True)
class Table:
    """`frame` has PEOPLE's columns, each fragment's, the `words` of a fault, and `alone`: rendered whole."""

    subject: Parts
    html: Parts
    text: Parts
    columns: list[str]
    frame: pl.DataFrame


def work_out(step: CompiledStep, people: pl.DataFrame, now: datetime) -> Table:
    """Every fragment of a step for PEOPLE; of a step that can't be cut, only who can be rendered at all."""
    fragments = step.fragments
    crowd = read_crowd(
        people,
        printed={fragment.printed for fragment in fragments if fragment.printed},
        compared={name for fragment in fragments if not fragment.printed for name in fragment.roots},
    )
    if not step.carried:
        return _cut(step, crowd, Press(now))
    frame = crowd.frame.with_columns(words=_unreadable(), alone=pl.lit(value=True))
    return Table((), (), (), [], frame)


def _cut(step: CompiledStep, crowd: Crowd, press: Press) -> Table:
    fixed = {fragment: press.outcome(fragment, {}) for fragment in step.fragments if not fragment.roots}
    varying = [fragment for fragment in step.fragments if fragment.roots]
    numbers = {fragment: number for number, fragment in enumerate(varying)}
    texts = {fragment: outcome for fragment, outcome in fixed.items() if isinstance(outcome, str)}
    subject, html, text = (resolved(skeleton.parts, texts, numbers) for skeleton in step.skeletons)
    own_html = resolved(step.html.own_parts, texts, numbers)
    columns = [fragment_column(number) for number in numbers.values()]
    frame = _filled(crowd, numbers, press).with_columns(
        *(one_line_column(number) for number in {part for part in subject if isinstance(part, int)}),
        words=pl.coalesce(
            _unreadable(),
            *(_words(fragment, fixed, numbers) for fragment in step.fragments if not fragment.printed),
            pl.when(is_blank(subject)).then(pl.lit(blank_words(Place.SUBJECT))),
            pl.when(is_blank(own_html)).then(pl.lit(blank_words(Place.HTML))),
        ),
        alone=_alone(subject, html, text, columns),
    )
    return Table(on_one_line(subject), html, text, columns, frame)


def _filled(crowd: Crowd, numbers: Mapping[Fragment, int], press: Press) -> pl.DataFrame:
    """The crowd with a column for each fragment, as it would be printed."""
    frame = crowd.frame.with_columns(
        printed_column(fragment.printed, fragment.place, number)
        for fragment, number in numbers.items()
        if fragment.printed
    )
    rest = {fragment: number for fragment, number in numbers.items() if not fragment.printed}
    return with_rendered(frame, rest, crowd, press)


def _unreadable() -> pl.Expr:
    return pl.when(~pl.col(READABLE)).then(pl.lit(NO_METADATA))


def _words(fragment: Fragment, fixed: Mapping[Fragment, Outcome], numbers: Mapping[Fragment, int]) -> pl.Expr:
    if fragment in numbers:
        return pl.col(words_column(numbers[fragment]))
    outcome = fixed[fragment]
    return pl.lit(None if isinstance(outcome, str) else outcome.words, pl.String)


def _alone(subject: Parts, html: Parts, text: Parts, columns: list[str]) -> pl.Expr:
    """Who is rendered whole: too much to substitute, too much at all, or a subject cut in a line break."""
    spent = [pl.col(name).str.len_bytes().cast(pl.Int64) + _TAG_BYTES for name in columns]
    reasons = [pl.sum_horizontal(pl.lit(0, pl.Int64), *spent) > SUBSTITUTION_LIMIT]
    reasons += [size_of(parts) > OUTPUT_LIMIT for parts in (subject, html, text)]
    if subject:
        reasons.append(breaks_differently(subject))
    return pl.any_horizontal(reasons).fill_null(value=False)
