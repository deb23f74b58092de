"""TypeIDs back to their 128 bits, eight letters at a time: the inverse of `id_digits` for whole columns.

26 letters hold 5 bits each. Eight of them are read as one 64-bit number, and worked on side by side.
"""

import polars as pl

LETTERS = "[0-7][0-9a-hjkmnp-tv-z]{25}"
"""A TypeID's suffix: Crockford's base32 without i, l, o and u, and at most 128 bits."""

_EACH_BYTE = 0x0101010101010101
_DIGIT_ZERO = 0x30
_FROM_DIGITS_TO_A = 39
_GAPS = (0x69, 0x6C, 0x6F, 0x75)
"""i, l, o, u: each letter that is left out moves those behind it down by one."""


def with_id(rows: pl.LazyFrame, column: str, prefix: str, name: str) -> pl.LazyFrame:
    """Adds `{name}_high` and `{name}_low`, the halves of the UUID behind the public ids of a column.

    Null where a text is no id of this prefix.
    """
    begin = len(prefix) + 1
    known = pl.col(column).str.contains(f"^{prefix}_{LETTERS}$")
    letters = pl.when(known).then(pl.col(column).str.slice(begin))
    padded = pl.concat_str([pl.lit("0" * 6), letters]).cast(pl.Binary)
    words = {f"_{at}": padded.bin.slice(at, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")
             for at in range(0, 32, 8)}  # fmt: skip
    parts = tuple(words)
    rows = rows.with_columns(**words)
    rows = rows.with_columns(_values(part) for part in parts)
    for low_lanes, high_lanes, shift in (
        (0x00FF00FF00FF00FF, 0xFF00FF00FF00FF00, 3),
        (0x0000FFFF0000FFFF, 0xFFFF0000FFFF0000, 6),
        (0x00000000FFFFFFFF, 0xFFFFFFFF00000000, 12),
    ):
        rows = rows.with_columns(
            (pl.col(part) & _u64(low_lanes)) | _right(pl.col(part) & _u64(high_lanes), shift)
            for part in parts
        )
    top, first, second, third = (pl.col(part) for part in parts)
    return rows.with_columns(
        (_left(top & _u64(0xFF), 56) | _left(first, 16) | _right(second, 24)).alias(f"{name}_high"),
        (_left(second & _u64(0xFFFFFF), 40) | third).alias(f"{name}_low"),
    ).drop(parts)


def id_of(name: str) -> str:
    """SQL for the 16 bytes of the halves that `with_id` adds, which a UUID is cast from; NULL where they are."""
    return f"CASE WHEN {name}_high IS NOT NULL THEN {name}_high::BIT::BLOB || {name}_low::BIT::BLOB END"


def _values(part: str) -> pl.Expr:
    letters = pl.col(part)
    lowered = letters - _u64(_EACH_BYTE * _DIGIT_ZERO) - _reaching(letters, 0x61) * _FROM_DIGITS_TO_A
    for gap in _GAPS:
        lowered = lowered - _reaching(letters, gap)
    return lowered.alias(part)


def _reaching(letters: pl.Expr, letter: int) -> pl.Expr:
    """1 in each byte that is at least this letter."""
    return _right(letters + _u64(_EACH_BYTE * (0x80 - letter)), 7) & _u64(_EACH_BYTE)


def _left(number: pl.Expr, bits: int) -> pl.Expr:
    return number * _u64(2**bits)


def _right(number: pl.Expr, bits: int) -> pl.Expr:
    return number // _u64(2**bits)


def _u64(number: int) -> pl.Expr:
    return pl.lit(number, dtype=pl.UInt64)
