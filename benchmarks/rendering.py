"""Rendering alone, on one core: people a second, against plain Liquid in the same run."""

import polars as pl

from benchmarks.figures import report, timed
from benchmarks.worlds import NOW, PLAIN_BODY
from xmit_pipeline.rendering.batch import render_batch
from xmit_pipeline.rendering.plain import render_plain
from xmit_pipeline.rendering.source import StepSource, compile_step

PEOPLE = 100_000
PLAIN = 2_000
HARSH_BODY = (
    "<p>{{ firstName | upcase }}, "
    "{% if plan == '1' %}{{ companyName | truncate: 12 }}{% else %}you{% endif %}</p>"
)
FIVE_TIMES_PLAIN = 5.0
TWICE_PLAIN = 1.5


def people(count: int) -> pl.DataFrame:
    """So many distinct people."""
    number = pl.int_range(count, eager=True).cast(pl.String)
    return pl.DataFrame({"number": number}).select(
        message_id="number",
        email=pl.format("person{}@example.com", "number"),
        first_name=pl.format("Name{}", "number"),
        last_name=pl.format("Surname{}", "number"),
        metadata=pl.struct(
            pl.format("Company {}", "number").alias("companyName"),
            pl.col("number").str.slice(-1).alias("plan"),
        ).struct.json_encode(),
        unsubscribe_url=pl.format("https://mail.example.com/u/{}", "number"),
    )


def measure(label: str, body: str, *, ratio: float) -> None:
    """People a second in a batch, held to a multiple of plain Liquid."""
    step = compile_step(StepSource("Welcome {{ firstName }}", body, None))
    crowd, few = people(PEOPLE), people(PLAIN)
    _, batch = timed(lambda: render_batch(step, crowd, now=NOW))
    _, plain = timed(lambda: [render_plain(step, person, now=NOW) for person in few.iter_rows(named=True)])
    by_batch, by_hand = PEOPLE / batch, PLAIN / plain
    report(f"rendering, {label}", by_batch, "people/s", limit=ratio * by_hand, better="higher")
    report(f"rendering, {label}, times plain Liquid", by_batch / by_hand, "x", limit=ratio, better="higher")


def run() -> None:
    """All figures of this module."""
    measure("three printed names", PLAIN_BODY, ratio=FIVE_TIMES_PLAIN)
    measure("filters and a branch", HARSH_BODY, ratio=TWICE_PLAIN)
