"""From one claimed slice to finished Mail Send bodies, without a row loop over people (DESIGN 4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from xmit_pipeline.delivery.payload import (
    fresh_tags,
    lone_personalizations,
    personalizations,
    shared_part,
    whole_body,
)
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.rendering.batch import RenderedBatch, render_batch
from xmit_pipeline.rendering.source import StepSource, compile_step
from xmit_pipeline.store.claims import Claim

LONE = {"message_id": pl.String, "request_id": pl.String}
UNRENDERED = {"message_id": pl.String, "words": pl.String}
ENCODED = {"message_id": pl.String, "request_id": pl.String, "personalization": pl.String}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One request ready to post. Messages and enrollments stand in the order of its personalizations."""

    request_id: str
    step_id: str
    message_ids: list[str]
    enrollment_ids: list[str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RenderedWindow:
    """A claimed slice, rendered and encoded, before the last look.

    `encoded`: message_id, request_id, personalization. `shared`: each request's body without personalizations.
    `alone`: message_id, request_id (new): those who left their batch. `unrendered`: message_id, words.
    """

    encoded: pl.DataFrame
    shared: dict[str, bytes]
    alone: pl.DataFrame
    unrendered: pl.DataFrame

    def envelopes(self, ready: pl.DataFrame) -> list[Envelope]:
        """The bodies of what the last look let through (`ready`: see `LastLook`)."""
        passed = self.encoded.join(ready, on=["message_id", "request_id"], maintain_order="left")
        grouped = passed.group_by("request_id", "step_id", maintain_order=True).agg(
            "message_id", "enrollment_id", "personalization"
        )
        return [
            Envelope(
                request_id, step_id, message_ids, enrollment_ids, whole_body(encoded, self.shared[request_id])
            )
            for request_id, step_id, message_ids, enrollment_ids, encoded in grouped.iter_rows()
        ]


def render_window(claim: Claim, now: datetime) -> RenderedWindow:
    """Render every step of a claim once, and encode everyone's personalization."""
    parts = [_render_step(claim, step, now) for step in claim.batches.unique("step_id").iter_rows(named=True)]
    return RenderedWindow(
        encoded=pl.concat([part.encoded for part in parts]),
        shared={request_id: body for part in parts for request_id, body in part.shared.items()},
        alone=pl.concat([part.alone for part in parts]),
        unrendered=pl.concat([part.unrendered for part in parts]),
    )


def _render_step(claim: Claim, step: dict[str, Any], now: datetime) -> RenderedWindow:
    people = claim.people.filter(pl.col("step_id") == step["step_id"])
    batches = claim.batches.filter(pl.col("step_id") == step["step_id"])
    compiled = compile_step(StepSource(step["subject"], step["body_html"], step["body_text"]))
    rendered = render_batch(compiled, people, now=now)
    tags = fresh_tags(rendered)
    filled = {
        "subject": tags.fill(rendered.subject),
        "html": tags.fill(rendered.html),
        "text": tags.fill(rendered.text),
    }
    shared = {
        batch["request_id"]: shared_part(batch, xmit_request=batch["xmit_request"], **filled)
        for batch in batches.iter_rows(named=True)
    }
    lone, lone_shared = _render_alone(rendered, people, batches)
    return RenderedWindow(
        encoded=pl.concat([personalizations(rendered, people, tags), lone.select(*ENCODED)]),
        shared={**shared, **lone_shared},
        alone=lone.select(*LONE),
        unrendered=rendered.failed.select(*UNRENDERED),
    )


def _render_alone(
    rendered: RenderedBatch, people: pl.DataFrame, batches: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, bytes]]:
    """Requests of one message each: (message_id, request_id, personalization) and their shared parts."""
    lone = people.join(rendered.whole, on="message_id", maintain_order="left")
    if lone.is_empty():
        return pl.DataFrame(schema=ENCODED), {}
    senders = {batch["request_id"]: batch for batch in batches.iter_rows(named=True)}
    fresh = [new_id() for _ in range(lone.height)]
    shared = {
        str(request_id): shared_part(
            senders[mail["request_id"]],
            xmit_request=public_id(Kind.REQUEST, request_id),
            subject=mail["subject"],
            html=mail["html"],
            text=mail["text"],
        )
        for request_id, mail in zip(fresh, lone.iter_rows(named=True), strict=True)
    }
    encoded = lone_personalizations(lone).with_columns(pl.Series("request_id", [str(each) for each in fresh]))
    return encoded.select(*ENCODED), shared
