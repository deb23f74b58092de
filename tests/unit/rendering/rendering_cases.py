"""People, steps and joined batches for the tests of rendering."""

from datetime import UTC, datetime

import polars as pl

from xmit_pipeline.rendering.batch import RenderedBatch, render_batch
from xmit_pipeline.rendering.crowd import PEOPLE
from xmit_pipeline.rendering.plain import RenderedMail
from xmit_pipeline.rendering.source import StepSource, compile_step

NOW = datetime(2026, 3, 29, 0, 30, 15, tzinfo=UTC)
LINK = "https://mail.example/u/abc?x=1&y=2"
LINKED = '<a href="{{ unsubscribe_url }}">out</a>'


def person(number=0, /, **given):
    """A row of PEOPLE."""
    row = {
        "message_id": f"msg_{number:026d}",
        "email": f"ada{number}@example.com",
        "first_name": "Ada",
        "last_name": None,
        "metadata": "{}",
        "unsubscribe_url": LINK,
    }
    return row | given


def crowd_of(*people):
    """PEOPLE of several rows, numbered."""
    return pl.DataFrame([row | {"message_id": f"{i}"} for i, row in enumerate(people)], schema=PEOPLE)


def step(html="<p>Hi</p>" + LINKED, subject="Hello", text="Hi {{ unsubscribe_url }}"):
    """A compiled step whose bodies already hold the link, unless given."""
    return compile_step(StepSource(subject, html, text))


def batch_of(compiled, *people):
    """Rendered at NOW, message ids "0", "1" and so on."""
    return render_batch(compiled, crowd_of(*people), now=NOW)


def joined(batch: RenderedBatch):
    """message_id -> the mail, or the words of its failure."""
    found: dict[str, RenderedMail | str] = {}
    for row in batch.fragments.to_dicts():
        parts = (batch.subject, batch.html, batch.text)
        found[row["message_id"]] = RenderedMail(
            *("".join(part if isinstance(part, str) else row[f"f{part}"] for part in each) for each in parts)
        )
    for row in batch.whole.to_dicts():
        found[row["message_id"]] = RenderedMail(row["subject"], row["html"], row["text"])
    found |= dict(batch.failed.iter_rows())
    assert len(found) == batch.fragments.height + batch.whole.height + batch.failed.height
    return found
