"""TypeIDs back to their 16 bytes, eight letters at a time: the inverse of `id_digits` for whole columns.

26 letters hold 5 bits each. Eight of them are read as one 64-bit number, and worked on side by side.
"""

import polars as pl

from xmit_pipeline.store.connection import Connection, frame, offered

LETTERS = "[0-7][0-9a-hjkmnp-tv-z]{25}"
"""A TypeID's suffix: Crockford's base32 without i, l, o and u, and at most 128 bits."""

_EACH_BYTE = 0x0101010101010101
_DIGIT_ZERO = 0x30
_FROM_DIGITS_TO_A = 39
_GAPS = (0x69, 0x6C, 0x6F, 0x75)
"""i, l, o, u: each letter that is left out moves those behind it down by one."""

JOINED = "SELECT CASE WHEN high IS NOT NULL THEN high::BIT::BLOB || low::BIT::BLOB END AS id FROM halves"


def uuid_bytes(connection: Connection, ids: pl.Series, prefix: str) -> pl.Series:
    """The 16 bytes of the UUID behind each public id, which DuckDB casts to one; null where none has this prefix."""
    return joined(connection, _halves(ids, prefix))


def joined(connection: Connection, halves: pl.DataFrame) -> pl.Series:
    """The 16 bytes of halves: `high` and `low`, both unsigned."""
    with offered(connection, "halves", halves):
        return frame(connection, JOINED).get_column("id")


def _halves(ids: pl.Series, prefix: str) -> pl.DataFrame:
    text = pl.col("text")
    letters = pl.when(text.str.contains(f"^{prefix}_{LETTERS}$")).then(text.str.slice(len(prefix) + 1))
    padded = pl.concat_str([pl.lit("0" * 6), letters]).cast(pl.Binary)
    words = {f"_{at}": padded.bin.slice(at, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")
             for at in range(0, 32, 8)}  # fmt: skip
    parts = tuple(words)
    rows = ids.to_frame("text").lazy().select(**words).select(_values(part) for part in parts)
    for low_lanes, high_lanes, shift in (
        (0x00FF00FF00FF00FF, 0xFF00FF00FF00FF00, 3),
        (0x0000FFFF0000FFFF, 0xFFFF0000FFFF0000, 6),
        (0x00000000FFFFFFFF, 0xFFFFFFFF00000000, 12),
    ):
        rows = rows.select(
            (pl.col(part) & _u64(low_lanes)) | _right(pl.col(part) & _u64(high_lanes), shift)
            for part in parts
        )
    top, first, second, third = (pl.col(part) for part in parts)
    return rows.select(
        high=_left(top & _u64(0xFF), 56) | _left(first, 16) | _right(second, 24),
        low=_left(second & _u64(0xFFFFFF), 40) | third,
    ).collect()


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
