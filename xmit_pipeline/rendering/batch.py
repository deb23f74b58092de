"""A step rendered for thousands of people at once: one skeleton, and a column for each fragment (DESIGN 4).

Joined again, they are byte for byte what `render_plain` gives each person alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.rendering.crowd import PEOPLE
from xmit_pipeline.rendering.faults import RenderFault, reason_of
from xmit_pipeline.rendering.parts import Parts
from xmit_pipeline.rendering.plain import RenderedMail, render_plain
from xmit_pipeline.rendering.skeleton import CompiledStep
from xmit_pipeline.rendering.table import work_out

_WHOLE = ["message_id", "subject", "html", "text"]
_FAILED = ["message_id", "words"]


@dataclass(frozen=True, slots=True)
class CutBatch:
    """Everybody stands in exactly one of `fragments`, `alone` and `failed`.

    `subject`, `html` and `text` are static text and the numbers of fragments in order, empty where nobody can
    be rendered from them. `fragments` is message_id with `f0`, `f1` ..., escaped for where each stands;
    `alone` has PEOPLE's columns: those to be rendered whole; `failed` is message_id with `words`, a sentence.
    All String.
    """

    subject: Parts
    html: Parts
    text: Parts
    fragments: pl.DataFrame
    alone: pl.DataFrame
    failed: pl.DataFrame


@dataclass(frozen=True, slots=True)
class RenderedBatch:
    """Everybody stands in exactly one of `fragments`, `whole` (message_id, subject, html, text) and `failed`."""

    subject: Parts
    html: Parts
    text: Parts
    fragments: pl.DataFrame
    whole: pl.DataFrame
    failed: pl.DataFrame


def cut_batch(step: CompiledStep, people: pl.DataFrame, *, now: datetime) -> CutBatch:
    """Renders a step for PEOPLE, a row for each message, as far as it can be cut; `now` has a zone."""
    table = work_out(step, people, now)
    able = table.frame.filter(pl.col("words").is_null())
    return CutBatch(
        table.subject,
        table.html,
        table.text,
        fragments=able.filter(~pl.col("alone")).select("message_id", *table.columns),
        alone=able.filter("alone").select(PEOPLE.names()),
        failed=table.frame.filter(pl.col("words").is_not_null()).select(_FAILED),
    )


def whole_mails(
    step: CompiledStep, people: pl.DataFrame, *, now: datetime
) -> Iterator[tuple[str, RenderedMail | str]]:
    """Message id and mail of each of PEOPLE, one at a time, or the sentence why not: one person's fault is theirs."""
    for row in people.select(PEOPLE.names()).iter_rows(named=True):
        yield row["message_id"], _mail(step, row, now)


def render_batch(step: CompiledStep, people: pl.DataFrame, *, now: datetime) -> RenderedBatch:
    """Everybody's mail at once, those rendered whole among them: for few, or for small mail."""
    batch = cut_batch(step, people, now=now)
    mails = list(whole_mails(step, batch.alone, now=now))
    whole = [(key, mail.subject, mail.html, mail.text) for key, mail in mails if not isinstance(mail, str)]
    failed = [(key, mail) for key, mail in mails if isinstance(mail, str)]
    return RenderedBatch(
        batch.subject,
        batch.html,
        batch.text,
        batch.fragments,
        whole=_frame(whole, _WHOLE),
        failed=pl.concat([batch.failed, _frame(failed, _FAILED)]),
    )


def _frame(rows: Sequence[tuple[str, ...]], names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _mail(step: CompiledStep, person: Mapping[str, object], now: datetime) -> RenderedMail | str:
    try:
        return render_plain(step, person, now=now)
    except RenderFault as fault:
        return str(fault)
    except Exception as error:
        return f"The mail did not render: {reason_of(error)}"
