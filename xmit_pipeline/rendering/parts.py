"""A skeleton's parts as polars sees them: static text, and the numbers of fragment columns."""

from collections.abc import Mapping

import polars as pl

from xmit_pipeline.rendering.plain import BLANK, LINE_BREAKS, one_line
from xmit_pipeline.rendering.skeleton import Fragment

Parts = tuple[str | int, ...]
"""Static text, or the number of a fragment, in the order in which they are read."""


def fragment_column(number: int) -> str:
    """The column of a fragment."""
    return f"f{number}"


def resolved(
    parts: tuple[str | Fragment, ...], fixed: Mapping[Fragment, str], numbers: Mapping[Fragment, int]
) -> Parts:
    """The parts with what is the same for everybody put in; neighbouring texts are one."""
    merged: list[str | int] = []
    for part in parts:
        found = part if isinstance(part, str) else fixed.get(part, numbers.get(part, ""))
        if isinstance(found, str) and merged and isinstance(merged[-1], str):
            merged[-1] += found
        elif found != "":
            merged.append(found)
    return tuple(merged)


def on_one_line(parts: Parts) -> Parts:
    """A subject's static text without line breaks; its columns need `one_line_column`."""
    return tuple(one_line(part) if isinstance(part, str) else part for part in parts)


def one_line_column(number: int) -> pl.Expr:
    """A subject's fragment without line breaks."""
    return pl.col(fragment_column(number)).str.replace_all(LINE_BREAKS, " ")


def breaks_differently(parts: Parts) -> pl.Expr:
    """Where line breaks of neighbouring parts meet, so that they make one space and not two."""
    cut = [pl.lit(one_line(part)) if isinstance(part, str) else one_line_column(part) for part in parts]
    whole = [pl.lit(part) if isinstance(part, str) else pl.col(fragment_column(part)) for part in parts]
    return pl.concat_str(whole).str.replace_all(LINE_BREAKS, " ") != pl.concat_str(cut)


def is_blank(parts: Parts) -> pl.Expr:
    """Where nothing but white space comes out."""
    if any(isinstance(part, str) and part.strip(BLANK) for part in parts):
        return pl.lit(value=False)
    columns = [pl.col(fragment_column(part)) for part in parts if isinstance(part, int)]
    return pl.all_horizontal(pl.lit(value=True), *(column.str.strip_chars(BLANK) == "" for column in columns))


def size_of(parts: Parts) -> pl.Expr:
    """Bytes of UTF-8 that come out."""
    static = sum(len(part.encode()) for part in parts if isinstance(part, str))
    columns = [pl.col(fragment_column(part)).str.len_bytes() for part in parts if isinstance(part, int)]
    return pl.sum_horizontal(pl.lit(static, pl.Int64), *(column.cast(pl.Int64) for column in columns))
