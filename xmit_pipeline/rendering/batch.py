"""A step rendered for thousands of people at once: one skeleton, and a column for each fragment (DESIGN 4).

Joined again, they are byte for byte what `render_plain` gives each person alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.rendering.crowd import PEOPLE
from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.parts import Parts
from xmit_pipeline.rendering.plain import RenderedMail, render_plain
from xmit_pipeline.rendering.skeleton import CompiledStep
from xmit_pipeline.rendering.table import work_out

_WHOLE = ["message_id", "subject", "html", "text"]
_FAILED = ["message_id", "words"]


@dataclass(frozen=True, slots=True)
class RenderedBatch:
    """Everybody stands in exactly one of `fragments`, `whole` and `failed`.

    `subject`, `html` and `text` are static text and the numbers of fragments in order, empty where nobody can
    be rendered from them. `fragments` is message_id with `f0`, `f1` ..., escaped for where each stands;
    `whole` is message_id, subject, html, text; `failed` is message_id with `words`, a sentence. All String.
    """

    subject: Parts
    html: Parts
    text: Parts
    fragments: pl.DataFrame
    whole: pl.DataFrame
    failed: pl.DataFrame


def render_batch(step: CompiledStep, people: pl.DataFrame, *, now: datetime) -> RenderedBatch:
    """Renders a step for PEOPLE, a row for each message; `now` has a zone. One person's fault is theirs."""
    table = work_out(step, people, now)
    able = table.frame.filter(pl.col("words").is_null())
    whole, failed = _rendered_whole(step, able.filter("alone"), now)
    return RenderedBatch(
        table.subject,
        table.html,
        table.text,
        fragments=able.filter(~pl.col("alone")).select("message_id", *table.columns),
        whole=whole,
        failed=pl.concat([table.frame.filter(pl.col("words").is_not_null()).select(_FAILED), failed]),
    )


def _rendered_whole(
    step: CompiledStep, people: pl.DataFrame, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = people.select(PEOPLE.names()).iter_rows(named=True)
    mails = [(row["message_id"], _mail(step, row, now)) for row in rows]
    whole = [(key, mail.subject, mail.html, mail.text) for key, mail in mails if not isinstance(mail, str)]
    failed = [(key, mail) for key, mail in mails if isinstance(mail, str)]
    return (
        pl.DataFrame(whole, schema=dict.fromkeys(_WHOLE, pl.String), orient="row"),
        pl.DataFrame(failed, schema=dict.fromkeys(_FAILED, pl.String), orient="row"),
    )


def _mail(step: CompiledStep, person: Mapping[str, object], now: datetime) -> RenderedMail | str:
    try:
        return render_plain(step, person, now=now)
    except RenderFault as fault:
        return str(fault)
